// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/weir-gitops/weir/hack/cluster/internal/instance"
)

// Options says what cluster to run.
type Options struct {
	// Folder holds the data.
	Folder instance.Folder
	// Name is the context in the kubeconfig.
	Name string
	// Audit asks for a log of requests.
	Audit bool
	// Nodes is how many nodes are simulated. 0 runs neither kwok nor nodes: pods stay pending.
	Nodes int
	// Users authenticate by bearer token, beside the administrator.
	Users []User
	// Kwok is the path of the program that simulates nodes.
	Kwok string
	// Wait is how long the start may take.
	Wait time.Duration
}

// User authenticates by bearer token.
type User struct {
	Token  string
	Name   string
	UID    string
	Groups []string
}

// errUser says what a user looks like, without repeating the token.
var errUser = errors.New("a user is given as token,name,uid[,group...]")

// ParseUser reads token,name,uid[,group...].
func ParseUser(s string) (User, error) {
	fields := strings.Split(s, ",")
	if len(fields) < 3 || slices.Contains(fields, "") {
		return User{}, errUser
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == 0x7f }) {
		return User{}, fmt.Errorf("%w, without quotes and control characters", errUser)
	}
	return User{Token: fields[0], Name: fields[1], UID: fields[2], Groups: fields[3:]}, nil
}

// readUsers reads what tokenFile wrote.
func readUsers(path string) ([]User, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	r := csv.NewReader(file)
	r.FieldsPerRecord = 4
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	users := make([]User, 0, len(rows))
	for _, row := range rows {
		users = append(users, User{Token: row[0], Name: row[1], UID: row[2], Groups: strings.Split(row[3], ",")})
	}
	return users, nil
}

// tokenFile renders users in the format of kube-apiserver's --token-auth-file.
func tokenFile(users []User) ([]byte, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	for _, u := range users {
		if err := w.Write([]string{u.Token, u.Name, u.UID, strings.Join(u.Groups, ",")}); err != nil {
			return nil, fmt.Errorf("write users: %w", err)
		}
	}
	w.Flush()
	return []byte(b.String()), w.Error()
}
