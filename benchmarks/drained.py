"""Groups lines with Drain3, in an environment that has it: a list of axes in, the number of each line's group out."""

import json
import logging
import sys

from drain3 import TemplateMiner  # type: ignore[import-not-found]
from drain3.template_miner_config import TemplateMinerConfig  # type: ignore[import-not-found]


def drained(lines: list[str], similarity: float, depth: int) -> list[int]:
    config = TemplateMinerConfig()
    config.drain_sim_th, config.drain_depth = similarity, depth
    miner = TemplateMiner(config=config)
    for line in lines:
        miner.add_log_message(line)
    # Once more, because the first lines of a group are added before it has its holes
    return [miner.add_log_message(line)["cluster_id"] for line in lines]


if __name__ == "__main__":
    logging.disable()
    json.dump([drained(lines, float(sys.argv[1]), int(sys.argv[2])) for lines in json.load(sys.stdin)], sys.stdout)
