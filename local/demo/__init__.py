"""The demonstration: the whole loop on real flights, told as a client of AWS would see it."""
