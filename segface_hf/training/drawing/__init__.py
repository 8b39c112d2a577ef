"""Drawing of parts on photos: glasses, headwear, jewellery and occluders, with exact masks."""
