"""The way in for programs: an asynchronous client that splits, seals and sends bids."""
