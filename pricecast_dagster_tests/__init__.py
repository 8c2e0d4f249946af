"""The tests of pricecast: behaviour, by what a user would see."""
