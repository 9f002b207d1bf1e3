"""What is wrong with a dataset: copies, contradicting labels, leaking patients, shortcuts, odd files, outliers."""
