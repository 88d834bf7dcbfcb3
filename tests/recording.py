"""`-o record=FILE`: what became of every test, for `tools/not_run.py`.

A line of JSON for each: what happened, the test's id and, where it was skipped, why. Lines are
written as things happen, so that a run that is killed leaves what it did and what it meant to do.
"""

import json

import pytest


def pytest_addoption(parser):
    # No option of its own: before this is loaded, pytest would take its FILE for one with tests.
    parser.addini("record", "a file for what became of each test", default="")


def pytest_configure(config):
    # With -n, the process that the others report to writes for all of them.
    if config.getini("record") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Record(config.getini("record")))


class Record:
    def __init__(self, path):
        # As long as the run: whoever kills it gets no chance to have this closed.
        self.file = open(path, "a", encoding="utf-8", buffering=1)

    def write(self, what, test, why=""):
        self.file.write(json.dumps([what, test, why]) + "\n")

    def pytest_collection_finish(self, session):
        for item in session.items:
            self.write("chosen", item.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        for test in ids:
            self.write("chosen", test)

    def pytest_collectreport(self, report):
        if not report.passed:
            self.ended(report)

    def pytest_runtest_logreport(self, report):
        # A test has ended where it was called, or was not because of what came before.
        if report.when == "call" or not report.passed:
            self.ended(report)

    def ended(self, report):
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            self.write("skipped", report.nodeid, str(reason).removeprefix("Skipped: "))
        else:
            self.write("failed" if report.failed else "ran", report.nodeid)
