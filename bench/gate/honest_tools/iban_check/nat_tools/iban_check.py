"""Check an IBAN and give its country, check digits and account part."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

LENGTHS = {"DE": 22, "FR": 27, "GB": 22, "NL": 18, "NO": 15}


class IbanCheckInput(BaseModel):
    iban: str = Field(description="The IBAN, with or without spaces")


class Iban(BaseModel):
    country: str
    check_digits: str
    bban: str
    valid: bool


def remainder(iban: str) -> int:
    """Return the number that ISO 13616 takes modulo 97."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97


def parse(text: str) -> Iban:
    """Take an IBAN apart; raises ValueError for countries or lengths that are not known."""
    iban = "".join(text.split()).upper()
    if not iban.isalnum() or not iban.isascii():
        raise ValueError("an IBAN holds letters and digits only")
    country = iban[:2]
    if country not in LENGTHS:
        raise ValueError(f"unknown country {country!r}")
    if len(iban) != LENGTHS[country]:
        raise ValueError(f"an IBAN of {country} has {LENGTHS[country]} signs")
    return Iban(country=country, check_digits=iban[2:4], bban=iban[4:], valid=remainder(iban) == 1)


class IbanCheckConfig(FunctionBaseConfig, name="iban_check"):
    """Configuration of the tool iban_check; it needs none."""


@register_function(config_type=IbanCheckConfig)
async def register_iban_check(config: IbanCheckConfig, builder: Builder):
    """Register iban_check with NAT."""

    async def _run(data: IbanCheckInput) -> Iban:
        return parse(data.iban)

    yield FunctionInfo.from_fn(_run, description="Check an IBAN and give its country, check digits and account part.")
