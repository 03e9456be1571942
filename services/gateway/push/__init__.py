"""Push: from the public topics to the browsers that may hear of it."""
