"""The Space's entry: `python app.py` serves the app and prints its address."""

from space.settings import load_settings
from space.state.safe_log import use_safe_log
from space.ui.app import launch

if __name__ == "__main__":
    use_safe_log()
    launch(load_settings())
