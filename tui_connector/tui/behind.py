"""Behind what is on its way: widgets hand messages to one another, each through a queue and a task of its own."""

from __future__ import annotations

from collections.abc import Callable

from textual.dom import DOMNode


def behind(node: DOMNode | None, top: DOMNode, arrived: Callable[[], object]) -> None:
    """Calls `arrived` from the queue of `top`, once what this node has been handed and what it has said is there.

    Goes through every queue from the node up to `top` twice: a message may be passed on as a new one by each of them.
    Where a node on the way is taken away, so is what was on its way through it.
    """
    if node is None or node is top:
        top.call_later(top.call_later, arrived)
    elif not node.call_later(node.call_later, behind, node.parent, top, arrived):
        top.call_later(arrived)
