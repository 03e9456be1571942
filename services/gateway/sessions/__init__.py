"""Sessions of signed-in users and the cookies that carry them."""
