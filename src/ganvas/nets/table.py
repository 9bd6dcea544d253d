"""The networks a snapshot may name. A file can only ask for one of these; anything else the user must hand over."""

from torch import nn

from ganvas.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from ganvas.nets.mlp import CGANDiscriminator, CGANGenerator, MaxoutDiscriminator, MLPDiscriminator, MLPGenerator
from ganvas.nets.patchgan import PatchGAN
from ganvas.nets.r3gan import R3GANDiscriminator, R3GANGenerator
from ganvas.nets.resnet import ResNetDiscriminator, ResNetGenerator
from ganvas.nets.sngan import SNGANDiscriminator, SNGANGenerator
from ganvas.nets.srresnet import SRGANDiscriminator, SRResNet
from ganvas.nets.stability import StabilityDiscriminator, StabilityGenerator
from ganvas.nets.stackgan import MatchingDiscriminator, StageOne, StageTwo
from ganvas.nets.text import Matcher
from ganvas.nets.translation import ResNetTranslator, TwoWay
from ganvas.nets.unet import UNet
from ganvas.nets.upsample import StridedDiscriminator, UpsampleGenerator
from ganvas.nets.vae import VAE
from ganvas.nets.wgan_gp import WGANGPCritic, WGANGPGenerator

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
        VAE,
        CGANGenerator,
        CGANDiscriminator,
        WGANGPGenerator,
        WGANGPCritic,
        ResNetGenerator,
        ResNetDiscriminator,
        SNGANGenerator,
        SNGANDiscriminator,
        StabilityGenerator,
        StabilityDiscriminator,
        R3GANGenerator,
        R3GANDiscriminator,
        UNet,
        PatchGAN,
        ResNetTranslator,
        TwoWay,
        SRResNet,
        SRGANDiscriminator,
        Matcher,
        StageOne,
        StageTwo,
        MatchingDiscriminator,
    )
}
