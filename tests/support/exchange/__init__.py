"""What tests of ways in and out share."""
