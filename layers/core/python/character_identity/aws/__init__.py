"""What the services keep and call at AWS. What each method is for, its port says; here is how it is done."""
