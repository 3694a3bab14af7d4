package network

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/kernel"
)

// The derivations of MAC addresses.
const (
	AlgorithmLibioc = "libioc" // SHA-224
	AlgorithmIocage = "iocage" // MD5
)

// DeriveMACs makes the addresses of an epair's ends from the jail's name and
// the nic's, as libioc or iocage does: the prefix, the leading digits of the
// hash, and one more for the jail's end. Where libioc would carry into the
// prefix, the addition wraps within the digits of the hash. A prefix of all 12
// digits is an error, since both ends would be equal.
func DeriveMACs(algorithm, prefix, name, nic string) (p config.MACPair, err error) {
	if len(prefix) == 12 {
		return p, refuse("mac_prefix", "prefix %s leaves no digit for the two sides", prefix)
	}
	sum := fmt.Sprintf("%x", sha256.Sum224([]byte(name+nic)))
	if algorithm == AlgorithmIocage {
		sum = fmt.Sprintf("%x", md5.Sum([]byte(name+nic)))
	}
	if p.Host, err = config.ParseMAC((prefix + sum)[:12]); err != nil {
		return p, err
	}
	p.Jail = p.Host
	for i := 5; i >= len(prefix)/2; i-- {
		p.Jail[i]++
		if p.Jail[i] != 0 {
			break
		}
	}
	return p, nil
}

// maxSalts bounds the search for addresses that nobody has.
const maxSalts = 1000

// MACs says how a jail's addresses are derived.
type MACs struct {
	Algorithm string // AlgorithmLibioc when empty
	Prefix    string // hexadecimal digits
	Jail      string // the jail's name
	// Salt is mixed into the hash, such as the host's UUID: a jail of that name
	// on another host has other addresses then. Empty is what libioc does.
	Salt string
	// HostUUID is the salt that is taken when the addresses are somebody's.
	HostUUID string
}

// Choose derives the addresses of one nic that taken does not know. It reports
// whether they are not the first choice, because that was taken.
func (m MACs) Choose(nic string, taken func(config.MAC) bool) (pair config.MACPair, salted bool, err error) {
	name := m.Jail
	if m.Salt != "" {
		name = m.Salt + "/" + name
	}
	for n := range maxSalts {
		if n > 0 {
			name = m.HostUUID + "#" + strconv.Itoa(n) + "/" + m.Jail
		}
		if pair, err = DeriveMACs(m.Algorithm, m.Prefix, name, nic); err != nil {
			return pair, false, err
		}
		if !taken(pair.Host) && !taken(pair.Jail) {
			return pair, n > 0, nil
		}
	}
	return pair, true, refuse("mac_prefix", "prefix %s has no free link address for %s", m.Prefix, nic)
}

// takenMACs are the addresses that are in use on the host, in the bridges'
// reach, by anybody but the jail itself.
func takenMACs(list []kernel.Interface, jail string) map[config.MAC]bool {
	taken := map[config.MAC]bool{}
	for _, i := range list {
		owner, _, inside, ours := Owner(i.Description)
		if ours && owner == jail {
			continue
		}
		if len(i.MAC) == 6 {
			taken[config.MAC(i.MAC)] = true
		}
		if mac, err := config.ParseMAC(inside); ours && err == nil {
			taken[mac] = true
		}
	}
	return taken
}
