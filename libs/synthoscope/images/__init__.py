"""Images: decoding, preprocessing, storage and the ImageService that moves them in and out."""
