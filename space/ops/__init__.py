"""Operations: deploy to a Space, load test, screenshots."""
