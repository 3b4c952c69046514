"""What an auction is: its rules, bids, receipts, agreement and outcome. Knows no HTTP."""
