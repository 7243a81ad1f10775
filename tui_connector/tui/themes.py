"""The two themes of the program, dark and light.

Success, warning, error and muted are four colours that are used for nothing else. All text has a contrast of at least
4.5:1 with what is behind it (WCAG 2.2, 1.4.3); `tests/tui/test_contrast.py` computes it.
"""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="connector-dark",
    dark=True,
    background="#10141b",
    surface="#171d27",
    panel="#1e2633",
    boost="#232c3b",
    foreground="#dbe2ee",
    primary="#6cb6ff",
    secondary="#9fb4d0",
    accent="#6cb6ff",
    success="#6fd08c",
    warning="#f0b45b",
    error="#ff8088",
    variables={
        "text-muted": "#9aa7ba",
        "text-disabled": "#8a97ab",
        "text-success": "#6fd08c",
        "text-warning": "#f0b45b",
        "text-error": "#ff8088",
        "text-primary": "#6cb6ff",
        "text-secondary": "#8fd3c7",
        "text-accent": "#6cb6ff",
        "border": "#6cb6ff",
        "border-blurred": "#3d4a5f",
        "block-cursor-background": "#2d5f94",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#26303f",
        "block-cursor-blurred-foreground": "#dbe2ee",
        "input-cursor-background": "#dbe2ee",
        "input-selection-background": "#2d5f94",
        "footer-key-foreground": "#6cb6ff",
        "scrollbar": "#3d4a5f",
        "scrollbar-hover": "#5a6b85",
        "scrollbar-background": "#171d27",
    },
)

LIGHT = Theme(
    name="connector-light",
    dark=False,
    background="#fbfcfd",
    surface="#f1f4f8",
    panel="#e4e9f1",
    boost="#dbe2ec",
    foreground="#1c2430",
    primary="#0a5cad",
    secondary="#4a5a70",
    accent="#0a5cad",
    success="#176c31",
    warning="#865000",
    error="#b01c2e",
    variables={
        "text-muted": "#536072",
        "text-disabled": "#596576",
        "text-success": "#176c31",
        "text-warning": "#865000",
        "text-error": "#b01c2e",
        "text-primary": "#0a5cad",
        "text-secondary": "#0d5f59",
        "text-accent": "#0a5cad",
        "border": "#0a5cad",
        "border-blurred": "#b4bfce",
        "block-cursor-background": "#0a5cad",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#d5deea",
        "block-cursor-blurred-foreground": "#1c2430",
        "input-cursor-background": "#1c2430",
        "input-selection-background": "#b9d4f2",
        "footer-key-foreground": "#0a5cad",
        "scrollbar": "#b4bfce",
        "scrollbar-hover": "#8593a6",
        "scrollbar-background": "#f1f4f8",
    },
)

THEMES = (DARK, LIGHT)


def chart_colors(*, dark: bool) -> dict[str, str]:
    """The colours of charts, which mean nothing else; the same in every dark theme, and in every light one."""
    rate, latency = ("#c3a2e8", "#e0a3c8") if dark else ("#7b4fb0", "#a8407f")
    return {"chart-rate": rate, "chart-latency": latency}
