package sysadm

import "context"

// Role is what a user may do; each includes those before it.
type Role uint8

// The roles.
const (
	RoleRead    Role = iota // list, read settings
	RoleOperate             // start, stop, apply limits
	RoleAdmin               // create, destroy, clean, fetch, change pools, kill jobs
)

var roleNames = [...]string{"read", "operate", "admin"}

// String returns "read", "operate" or "admin".
func (r Role) String() string { return roleNames[r] }

// User is a user who has logged in.
type User struct {
	Name string
	Role Role
	// Exec is the permission to run commands in jails and to set hooks, in addition
	// to the role.
	Exec bool
}

// Authenticator checks logins. Its methods are called from many goroutines.
type Authenticator interface {
	// Authenticate checks a password. For a wrong password or an unknown user it
	// returns ErrLogin, after the same time. It is called for every REST request, so
	// an expensive check should remember right passwords for a while, as cmd/sysadmd
	// does.
	Authenticate(ctx context.Context, name, password string) (User, error)
}

// KeyAuthenticator is an Authenticator that also knows public keys, for
// rpc/auth_ssl.
type KeyAuthenticator interface {
	Authenticator
	// AuthenticateKey returns the user whose RSA key signed the text: PKCS #1 v1.5
	// without a hash, which is the same as encrypting with the private key. If no
	// user's key did, it returns ErrLogin.
	AuthenticateKey(ctx context.Context, text, signature []byte) (User, error)
}
