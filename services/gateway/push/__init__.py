"""Push: from the public topics to the browsers whose users may be notified."""
