"""A small store on loopback that responds like Magento 2.4.7."""
