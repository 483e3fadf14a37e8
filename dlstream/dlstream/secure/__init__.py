"""A keystore of ROS 2's security (SROS2) for a rig: who may join it, and who may command its outputs."""

from dlstream.secure.enclaves import Enclave, enclaves_of, lacking, security_environment, security_hint
from dlstream.secure.keystore import Keystore

__all__ = ["Enclave", "Keystore", "enclaves_of", "lacking", "security_environment", "security_hint"]
