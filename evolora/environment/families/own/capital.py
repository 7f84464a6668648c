"""The capital of a country."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family

# Countries with one undisputed capital of at most 12 characters, named as in everyday English.
TEXT = """
    Afghanistan:Kabul, Albania:Tirana, Algeria:Algiers, Angola:Luanda, Argentina:Buenos Aires, Armenia:Yerevan,
    Australia:Canberra, Austria:Vienna, Azerbaijan:Baku, Bahrain:Manama, Bangladesh:Dhaka, Barbados:Bridgetown,
    Belarus:Minsk, Belgium:Brussels, Belize:Belmopan, Bhutan:Thimphu, Bosnia and Herzegovina:Sarajevo,
    Botswana:Gaborone, Brazil:Brasilia, Bulgaria:Sofia, Burkina Faso:Ouagadougou, Cambodia:Phnom Penh,
    Cameroon:Yaounde, Canada:Ottawa, Cape Verde:Praia, the Central African Republic:Bangui, Chad:N'Djamena,
    Chile:Santiago, China:Beijing, Colombia:Bogota, the Comoros:Moroni, Costa Rica:San Jose, Croatia:Zagreb,
    Cuba:Havana, Cyprus:Nicosia, the Czech Republic:Prague, Denmark:Copenhagen, Djibouti:Djibouti, Dominica:Roseau,
    Ecuador:Quito, Egypt:Cairo, El Salvador:San Salvador, Equatorial Guinea:Malabo, Eritrea:Asmara, Estonia:Tallinn,
    Ethiopia:Addis Ababa, Fiji:Suva, Finland:Helsinki, France:Paris, Gabon:Libreville, the Gambia:Banjul,
    Georgia:Tbilisi, Germany:Berlin, Ghana:Accra, Greece:Athens, Grenada:St George's, Guinea:Conakry,
    Guinea-Bissau:Bissau, Guyana:Georgetown, Honduras:Tegucigalpa, Hungary:Budapest, Iceland:Reykjavik,
    India:New Delhi, Indonesia:Jakarta, Iran:Tehran, Iraq:Baghdad, Ireland:Dublin, Italy:Rome, Jamaica:Kingston,
    Japan:Tokyo, Jordan:Amman, Kazakhstan:Astana, Kenya:Nairobi, Kiribati:Tarawa, Kuwait:Kuwait City,
    Kyrgyzstan:Bishkek, Laos:Vientiane, Latvia:Riga, Lebanon:Beirut, Lesotho:Maseru, Liberia:Monrovia, Libya:Tripoli,
    Liechtenstein:Vaduz, Lithuania:Vilnius, Madagascar:Antananarivo, Malawi:Lilongwe, Malaysia:Kuala Lumpur,
    the Maldives:Male, Mali:Bamako, Malta:Valletta, the Marshall Islands:Majuro, Mauritania:Nouakchott,
    Mauritius:Port Louis, Mexico:Mexico City, Micronesia:Palikir, Moldova:Chisinau, Monaco:Monaco,
    Mongolia:Ulaanbaatar, Montenegro:Podgorica, Morocco:Rabat, Mozambique:Maputo, Namibia:Windhoek, Nauru:Yaren,
    Nepal:Kathmandu, the Netherlands:Amsterdam, New Zealand:Wellington, Nicaragua:Managua, Niger:Niamey,
    Nigeria:Abuja, North Korea:Pyongyang, North Macedonia:Skopje, Norway:Oslo, Oman:Muscat, Pakistan:Islamabad,
    Panama:Panama City, Papua New Guinea:Port Moresby, Paraguay:Asuncion, Peru:Lima, the Philippines:Manila,
    Poland:Warsaw, Portugal:Lisbon, Qatar:Doha, Romania:Bucharest, Russia:Moscow, Rwanda:Kigali, Saint Lucia:Castries,
    Samoa:Apia, San Marino:San Marino, Sao Tome and Principe:Sao Tome, Saudi Arabia:Riyadh, Senegal:Dakar,
    Serbia:Belgrade, the Seychelles:Victoria, Sierra Leone:Freetown, Singapore:Singapore, Slovakia:Bratislava,
    Slovenia:Ljubljana, the Solomon Islands:Honiara, Somalia:Mogadishu, South Korea:Seoul, South Sudan:Juba,
    Spain:Madrid, Sudan:Khartoum, Suriname:Paramaribo, Sweden:Stockholm, Switzerland:Bern, Syria:Damascus,
    Taiwan:Taipei, Tajikistan:Dushanbe, Tanzania:Dodoma, Thailand:Bangkok, Togo:Lome, Tonga:Nuku'alofa,
    Tunisia:Tunis, Turkey:Ankara, Turkmenistan:Ashgabat, Tuvalu:Funafuti, Uganda:Kampala, Ukraine:Kyiv,
    the United Kingdom:London, Uruguay:Montevideo, Uzbekistan:Tashkent, Vanuatu:Port Vila, Venezuela:Caracas,
    Vietnam:Hanoi, Yemen:Sanaa, Zambia:Lusaka, Zimbabwe:Harare, the Bahamas:Nassau, Luxembourg:Luxembourg,
    Timor-Leste:Dili, the Republic of the Congo:Brazzaville, the Democratic Republic of the Congo:Kinshasa,
    Myanmar:Naypyidaw
"""
CAPITALS = tuple(tuple(pair.strip().split(":")) for pair in TEXT.split(","))


@own_family("capital")
@dataclass(frozen=True)
class Capital(OwnFamily):
    """The capital of France?"""

    def draw(self, rng: Random) -> tuple[str, str]:
        country, city = rng.choice(CAPITALS)
        return f"The capital of {country}?", city
