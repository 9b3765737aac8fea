"""gan_lab: GANs and VAEs for product photos."""
