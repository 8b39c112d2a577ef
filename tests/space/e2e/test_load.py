from space.load import visit_together


def test_visitors_at_once_all_get_the_answer_to_their_own_photo(server):
    report = visit_together(server.url, visitors=6, pid=server.process.pid)
    assert report.failures == ()
    assert len(report.seconds) == 6
    assert report.strangers == 0
    assert report.queue >= 1
    assert report.peak_mb is None or report.peak_mb < 2000
    assert report.lines()[0] == "answered 6, failed 0"
