"""What every run shares: the ledger, its pace, its progress, and how it fails."""
