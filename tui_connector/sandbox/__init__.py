"""A small store on loopback that responses as Magento 2.4.7 does."""
