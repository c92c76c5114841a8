"""The currencies that an invoice may be in."""

from collections.abc import Mapping
from types import MappingProxyType

# By the decimals that CLDR writes, where ISO 4217 differs too; a test holds this against CLDR's own data.
_CURRENCIES = {
    2: """AED AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP
        CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES
        KGS KHR KYD KZT LKR LRD LSL MAD MDL MKD MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
        PGK PHP PKR PLN QAR RON RUB SAR SBD SCR SDG SEK SGD SHP SLE SRD SSP STN SZL THB TJS TMT TOP TRY TTD TWD TZS
        UAH USD UYU UZS VES WST XCD XCG ZAR ZMW ZWG""",
    0: """AFN ALL BIF CLP DJF GNF IQD IRR ISK JPY KMF KPW KRW LAK LBP MGA MMK PYG RSD RWF SOS SYP UGX VND VUV XAF XOF
        XPF YER""",
    3: "BHD JOD KWD LYD OMR TND",
}
DECIMALS: Mapping[str, int] = MappingProxyType(
    {code: decimals for decimals, codes in _CURRENCIES.items() for code in codes.split()}
)
"""Every ISO 4217 code of money in use, and how many decimals its amounts have."""
