"""What other programs need to run configurations, and alerts of failed runs."""
