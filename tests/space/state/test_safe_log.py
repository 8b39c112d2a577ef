import io
import logging
import traceback

from space.state.safe_log import SafeLog


def logged(write):
    """Returns what a stream keeps of what `write` sends to it."""
    kept = io.StringIO()
    write(SafeLog(kept))
    return kept.getvalue()


def failing(message):
    try:
        try:
            raise KeyError(message)
        except KeyError as error:
            raise ValueError(f"{message}\nsecond line of {message}") from error
    except ValueError as error:
        return error


NAME = "".join(("holi", "day.png"))


def log_error(log):
    logger = logging.Logger("web")
    logger.addHandler(logging.StreamHandler(log))
    logger.error("Exception in the app", exc_info=failing(NAME))


def test_a_traceback_keeps_its_places_and_types_without_the_message():
    for write in (
        lambda log: traceback.print_exception(failing(NAME), file=log),
        lambda log: log.write("".join(traceback.format_exception(failing(NAME)))),
        log_error,
    ):
        text = logged(write)
        assert NAME not in text
        assert "KeyError\n" in text
        assert "ValueError\n" in text
        assert "test_safe_log.py" in text


def test_a_line_has_at_most_200_characters_and_short_lines_stay():
    assert logged(lambda log: print("x" * 50_000_000, "end", file=log)) == "x" * 200 + "\n"
    assert logged(lambda log: print("Running on\nhttp://a", file=log)) == "Running on\nhttp://a\n"
