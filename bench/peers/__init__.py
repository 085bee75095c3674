"""Who is compared: the same work in each library, in the way that is fastest there."""
