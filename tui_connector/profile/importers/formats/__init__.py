"""The formats that can be imported, one module for each; each declares it as FORMAT."""
