"""Magento 2: OAuth 1.0a, search criteria, keyset, entities, and the diagnosis of refusals."""
