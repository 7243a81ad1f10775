"""A small store on loopback that answers as Magento 2.4.7 does."""
