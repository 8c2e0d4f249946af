"""The retailer's data in: folders and databases read, cleaned with a reason for every row not taken, and fingerprinted."""
