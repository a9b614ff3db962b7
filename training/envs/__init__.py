"""Environments: what is observed, how it is drawn, how their state is kept."""

from goalscope.training.envs.opengl import select_backend

select_backend()  # mujoco reads MUJOCO_GL once, as it is imported
