"""A request that failed because of the database or the disk is one line of the log, with the reason."""

import logging

from enhancelog.backends.disk import fault_of


# A bug keeps its traceback.
class WithoutTraceback(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and (fault := fault_of(error)):
            record.msg, record.args = "%s; %s", (record.getMessage(), " ".join(str(fault).split()))
            record.exc_info = None
        return True
