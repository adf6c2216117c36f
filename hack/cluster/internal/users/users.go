// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

// Package users reads and writes those who authenticate by bearer token. It links nothing of Kubernetes, so that fuzzing it
// does not mean building Kubernetes with instrumentation.
package users

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// User authenticates by bearer token.
type User struct {
	Token  string
	Name   string
	UID    string
	Groups []string
}

// errFormat says what a user looks like, without repeating the token.
var errFormat = errors.New("a user is given as token,name,uid[,group...]")

// Parse reads token,name,uid[,group...].
func Parse(s string) (User, error) {
	fields := strings.Split(s, ",")
	if len(fields) < 3 || slices.Contains(fields, "") {
		return User{}, errFormat
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == 0x7f }) {
		return User{}, fmt.Errorf("%w, without quotes and control characters", errFormat)
	}
	return User{Token: fields[0], Name: fields[1], UID: fields[2], Groups: fields[3:]}, nil
}

// Read returns the users in a file that Marshal has rendered.
func Read(path string) ([]User, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	defer file.Close() // only read
	r := csv.NewReader(file)
	r.FieldsPerRecord = -1 // users without groups have three
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	users := make([]User, 0, len(rows))
	for _, row := range rows {
		u := User{Token: row[0], Name: row[1], UID: row[2], Groups: []string{}}
		if len(row) > 3 {
			u.Groups = strings.Split(row[3], ",")
		}
		users = append(users, u)
	}
	return users, nil
}

// Marshal renders users in the format of kube-apiserver's --token-auth-file.
func Marshal(users []User) ([]byte, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	for _, u := range users {
		row := []string{u.Token, u.Name, u.UID}
		if len(u.Groups) > 0 { // the server would take an empty field for a group without a name
			row = append(row, strings.Join(u.Groups, ","))
		}
		if err := w.Write(row); err != nil {
			return nil, fmt.Errorf("write users: %w", err)
		}
	}
	w.Flush()
	return []byte(b.String()), w.Error()
}
