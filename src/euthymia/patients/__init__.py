"""Who the patients are: covariates, traits, genes, stress history, random streams."""
