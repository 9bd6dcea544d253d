"""The networks a snapshot may name. A file can only ask for one of these; anything else the user must hand over."""

from torch import nn

from ganvas.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from ganvas.nets.mlp import MaxoutDiscriminator, MLPDiscriminator, MLPGenerator
from ganvas.nets.upsample import StridedDiscriminator, UpsampleGenerator

NETS: dict[str, type[nn.Module]] = {
    net.__name__: net
    for net in (
        MLPGenerator,
        MLPDiscriminator,
        MaxoutDiscriminator,
        DCGANGenerator,
        DCGANDiscriminator,
        UpsampleGenerator,
        StridedDiscriminator,
    )
}
