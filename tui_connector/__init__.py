"""Connect a Magento 2 store from the terminal."""

__version__ = "0.1.0"
