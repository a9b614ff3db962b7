"""Planted faults: does the diagnosis name the fault that is known to be there?"""
