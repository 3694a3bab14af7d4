package config

import (
	"encoding/hex"
	"net"
	"strings"
)

// A MAC is an Ethernet address.
type MAC [6]byte

// String returns six lower-case hexadecimal pairs joined by colons.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// plainHex removes the separators between hexadecimal pairs.
var plainHex = strings.NewReplacer(":", "", "-", "")

// ParseMAC reads 12 hexadecimal digits with colons, dashes or nothing between
// the pairs. Multicast addresses and 00:00:00:00:00:00 are refused.
func ParseMAC(text string) (MAC, error) {
	var m MAC
	b, err := hex.DecodeString(plainHex.Replace(text))
	if err != nil || len(b) != len(m) {
		return m, invalid("%q is not 12 hexadecimal digits", text)
	}
	copy(m[:], b)
	if m[0]&1 != 0 {
		return m, invalid("%s is a multicast address", m)
	}
	if m == (MAC{}) {
		return m, invalid("%s is not a valid address", m)
	}
	return m, nil
}

// A MACPair holds the link addresses of an epair(4).
type MACPair struct {
	Host MAC // the side that stays on the host
	Jail MAC // the side inside the jail
}

// String returns both addresses joined by a comma, the only form that libioc
// reads; iocage also reads a blank.
func (p MACPair) String() string { return p.Host.String() + "," + p.Jail.String() }

// parseMACPair reads two different addresses separated by a comma or blanks.
func parseMACPair(text string) (MACPair, error) {
	parts := strings.FieldsFunc(text, isSeparator)
	if len(parts) != 2 {
		return MACPair{}, invalid("expected two link addresses, for the host's and the jail's side")
	}
	host, err := ParseMAC(parts[0])
	if err != nil {
		return MACPair{}, err
	}
	jail, err := ParseMAC(parts[1])
	if err != nil {
		return MACPair{}, err
	}
	if host == jail {
		return MACPair{}, invalid("both sides have %s", host)
	}
	return MACPair{host, jail}, nil
}

func parseMACPrefix(text string) (string, error) {
	plain := strings.ToLower(plainHex.Replace(text))
	b, err := hex.DecodeString(plain)
	if err != nil || len(b) < 1 || len(b) > 6 {
		return "", invalid("expected 2 to 12 hexadecimal digits")
	}
	if b[0]&1 != 0 {
		return "", invalid("%s is a prefix of multicast addresses", plain)
	}
	return plain, nil
}
