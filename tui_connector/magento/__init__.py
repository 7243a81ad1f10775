"""What is particular to Magento 2: how it signs, pages, names and explains."""
