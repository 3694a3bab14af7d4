package jail

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/config/key"
)

// hostUUID returns the host's own UUID, sysctl kern.hostuuid.
func (j *Jail) hostUUID(ctx context.Context) (string, error) {
	return j.host.Kernel.SysctlString(ctx, "kern.hostuuid")
}

// HostUUID returns the UUID that the jail sees as its host's: host_hostuuid if it is
// set, else the one derived from the host's and the jail's identifier.
func (j *Jail) HostUUID(ctx context.Context) (string, error) {
	j = j.still()
	if uuid := key.HostHostUUID.Of(j.Effective()); uuid != "" {
		return uuid, nil
	}
	return j.derivedUUID(ctx)
}

// derivedUUID returns libioc's: the first 32 hexadecimal digits of SHA-1 over the
// 16 bytes of the host's UUID and the jail's identifier.
func (j *Jail) derivedUUID(ctx context.Context) (string, error) {
	host, err := j.hostUUID(ctx)
	if err != nil {
		return "", err
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(host, "-", ""))
	if err != nil || len(raw) != 16 {
		return "", fmt.Errorf("kern.hostuuid %q is not a UUID", host)
	}
	sum := sha1.Sum(append(raw, j.Identifier()...))
	h := hex.EncodeToString(sum[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:32]}, "-"), nil
}

// sameUUID compares two UUIDs whatever their spelling.
func sameUUID(a, b string) bool {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "")) }
	return plain(a) == plain(b)
}
