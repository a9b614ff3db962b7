"""How the files of a checkpoint are called.

checkpoints/step-000120000/
  checkpoint.json       step, update, configuration, versions, digests; written last
  policy.safetensors    every network's weights; kept for each checkpoint of the cadence
  resume/               optimisers, generators, environments, replay; of the newest alone
"""

from typing import Final

FOLDER = "checkpoints"
DESCRIPTION = "checkpoint.json"
POLICY: Final = "policy.safetensors"
RESUME = "resume"
