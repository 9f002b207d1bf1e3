"""GANs: networks, losses, the training loop and sampling. Knows torch; knows neither Ray nor stores."""
