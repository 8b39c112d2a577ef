"""Why a region got its class: what each attention head of the decoder adds to its margin."""
