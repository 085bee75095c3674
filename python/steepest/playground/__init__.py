"""The playground: networks, linear classifiers, optimizers and polynomials to play with, in a browser."""
