package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/libioc/go-libioc/sysadm"
)

// userFile is a sysadm.KeyAuthenticator over a text file, one login a line:
//
//	alice:admin,exec:$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH
//	backup:read:rsa:BASE64
//
// The parts are the user's name, the role ("read", "operate" or "admin", with
// ",exec" for the permission to run commands), and what proves the login: a
// password's hash from hashPassword, or an RSA public key (PKIX, DER) for
// rpc/auth_ssl. Empty lines and lines that begin with # are ignored. The file is
// read again when it has changed.
//
// A right password is remembered for a minute, as a keyed hash, so that a client that
// logs in with every request does not pay for the expensive hash each time.
type userFile struct {
	path string
	key  [32]byte

	mu     sync.Mutex
	logins []login
	info   os.FileInfo
	right  map[[sha256.Size]byte]time.Time
}

// roles are the names of roles, by role.
var roles = []string{sysadm.RoleRead.String(), sysadm.RoleOperate.String(), sysadm.RoleAdmin.String()}

type login struct {
	user sysadm.User
	hash hash           // of the password, if key is nil
	key  *rsa.PublicKey // instead of a password
}

// openUserFile reads the file. An error about a line names it. A file that others
// can write is rejected.
func openUserFile(path string) (*userFile, error) {
	f := &userFile{path: path}
	rand.Read(f.key[:])
	_, err := f.load()
	return f, err
}

// load returns the logins in the file, which it reads if it has changed.
func (f *userFile) load() ([]login, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	if f.info != nil && os.SameFile(f.info, info) && f.info.ModTime().Equal(info.ModTime()) && f.info.Size() == info.Size() {
		return f.logins, nil
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%s: writable by others than its owner", f.path)
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	logins, err := parseUsers(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	f.logins, f.info, f.right = logins, info, map[[sha256.Size]byte]time.Time{}
	return logins, nil
}

func parseUsers(data []byte) ([]login, error) {
	var out []login
	n := 0
	for line := range bytes.Lines(data) {
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		l, err := parseUser(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, l)
	}
	return out, nil
}

func parseUser(text string) (l login, err error) {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) < 3 || parts[0] == "" {
		return l, errors.New("not name:role:hash")
	}
	role, exec := strings.CutSuffix(parts[1], ",exec")
	i := slices.Index(roles, role)
	if i < 0 {
		return l, fmt.Errorf("unknown role %q", parts[1])
	}
	l.user = sysadm.User{Name: parts[0], Role: sysadm.Role(i), Exec: exec}
	der, isKey := strings.CutPrefix(parts[2], "rsa:")
	if !isKey {
		l.hash, err = parseHash(parts[2])
		return l, err
	}
	raw, err := base64.StdEncoding.DecodeString(der)
	if err != nil {
		return l, err
	}
	key, err := x509.ParsePKIXPublicKey(raw)
	if err != nil {
		return l, err
	}
	public, isRSA := key.(*rsa.PublicKey)
	if !isRSA || public.N.BitLen() < 2048 {
		return l, errors.New("not an RSA key of at least 2048 bits")
	}
	l.key = public
	return l, nil
}

// Authenticate implements sysadm.Authenticator.
func (f *userFile) Authenticate(_ context.Context, name, password string) (sysadm.User, error) {
	logins, err := f.load()
	if err != nil {
		return sysadm.User{}, err
	}
	mac := hmac.New(sha256.New, f.key[:])
	fmt.Fprintf(mac, "%d:%s%s", len(name), name, password)
	mark := [sha256.Size]byte(mac.Sum(nil))
	found := login{hash: noHash}
	for _, l := range logins {
		if l.user.Name == name && l.key == nil {
			found = l
		}
	}
	if f.remembered(mark) {
		return found.user, nil
	}
	if !found.hash.matches(password) || found.user.Name == "" {
		return sysadm.User{}, sysadm.ErrLogin
	}
	f.remember(mark)
	return found.user, nil
}

const (
	rememberFor = time.Minute
	remembers   = 1024
)

func (f *userFile) remembered(mark [sha256.Size]byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	until, ok := f.right[mark]
	return ok && time.Now().Before(until)
}

func (f *userFile) remember(mark [sha256.Size]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.right) >= remembers {
		clear(f.right)
	}
	f.right[mark] = time.Now().Add(rememberFor)
}

// AuthenticateKey implements sysadm.KeyAuthenticator.
func (f *userFile) AuthenticateKey(_ context.Context, text, signature []byte) (sysadm.User, error) {
	logins, err := f.load()
	if err != nil {
		return sysadm.User{}, err
	}
	for _, l := range logins {
		if l.key != nil && rsa.VerifyPKCS1v15(l.key, crypto.Hash(0), text, signature) == nil {
			return l.user, nil
		}
	}
	return sysadm.User{}, sysadm.ErrLogin
}

// hash is the hash of a password: argon2id of RFC 9106, in the text form of the
// reference implementation.
type hash struct {
	memory, time uint32 // KiB, passes
	threads      uint8
	salt, sum    []byte
}

// noHash is compared with the password of an unknown user, so that the answer takes
// the same time.
var noHash = hash{memory: 19456, time: 2, threads: 1, salt: make([]byte, 16), sum: make([]byte, 32)}

// hashPassword returns the text for a password in a userFile.
func hashPassword(password string) string {
	h := hash{memory: 19456, time: 2, threads: 1, salt: make([]byte, 16)}
	rand.Read(h.salt)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.of(password, 32)))
}

func parseHash(text string) (h hash, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, errors.New("not an argon2id hash")
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); n != 3 || err != nil {
		return h, errors.New("not an argon2id hash")
	}
	if h.memory < 8 || h.memory > 1<<20 || h.time < 1 || h.time > 64 || h.threads < 1 {
		return h, errors.New("argon2id: unreasonable cost")
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return h, err
	}
	h.sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	if err == nil && (len(h.sum) < 16 || len(h.sum) > 64) {
		err = errors.New("argon2id: wrong length of the hash")
	}
	return h, err
}

func (h hash) of(password string, size int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(size))
}

func (h hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.of(password, len(h.sum)), h.sum) == 1
}
