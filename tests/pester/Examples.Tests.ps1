# Runs every example of the help as it stands, in the order of the help, in front of a prepared home. Only names that stand
# for something are replaced: the code, the digits, the relay, a peer, folders.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
    $examples = Get-Command -Module WirePS | ForEach-Object {
        foreach ($example in (Get-Help $_.Name -Full).examples.example) { @{ Name = $_.Name; Title = $example.title; Code = $example.code } }
    }
}

Describe 'The examples' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $relayHome = Get-TestHome 'relay'
        $relay = Open-TestRelay $relayHome
        $module = Get-TestedManifest
        $inviter = Get-TestHome 'inviter'
        $script:count = 0
    }

    BeforeEach {
        # A home of its own for each, with a daemon, a peer on the other side, and what the example needs to be there.
        $script:count++
        $here, $there = (Get-TestHome "here-$count"), (Get-TestHome "there-$count")
        $user = New-Item -ItemType Directory -Path (Get-TestHome "user-$count")
        $env:WIRE_HOME = $here
        $known = $digits = $token = $address = $null
        if ($Name -notin 'Initialize-WireIdentity', 'Start-WireRelay') {
            $null = Initialize-WireIdentity -Relay $relay -WireHome $here
            $null = Initialize-WireIdentity -Handle build-server -Relay $relay -WireHome $there
        }

        if ($Name -in 'Stop-WireRelay') {
            $null = Start-WireRelay -Port 0
        }

        if ($Name -in 'Stop-WireDaemon', 'Confirm-WirePair', 'Wait-WirePair', 'Watch-WirePair', 'Get-WirePeer', 'Remove-WirePeer', 'Get-WirePendingPair', 'Get-WireJournal', 'Get-WireDaemon', 'Stop-WirePair', 'Get-WireTrustRequest', 'Approve-WireTrust', 'Deny-WireTrust', 'Revoke-WireTrust', 'Send-WireMessage', 'Receive-WireMessage', 'Get-WireMessage', 'Test-WireMessage') {
            foreach ($each in $here, $there) { Start-WireDaemon -WireHome $each }
        }

        if ($Name -in 'Register-WireDevice', 'Get-WireDevice', 'Revoke-WireDevice') {
            foreach ($each in $here, $there) { Start-WireDaemon -WireHome $each }
        }

        switch -Regex ("$Name|$Title") {
            'WirePairToken\|' {
                if ($Name -ne 'New-WirePairToken') { $null = New-WirePairToken laptop -WarningAction Ignore }
            }
            'New-WirePairToken\|.*From a device' {
                foreach ($each in $here, $there) { Start-WireDaemon -WireHome $each }
                $null = New-WirePairToken -Right add, send, receive -WireHome $there | Register-WireDevice -WireHome $here
            }
            'Request-WireTrust\|.*at an address' {
                Set-WireTrustPolicy -Listen Loopback -Port 0 -WireHome $there
                Start-WireDaemon -WireHome $there
                $null = Wait-Until { (Get-WireDaemon -WireHome $there).Listen }
                $address = (Get-WireDaemon -WireHome $there).Listen
                $fingerprint = (Get-WireIdentity -WireHome $there).Fingerprint
            }
            'Register-WireDevice\|' {
                $token = New-WirePairToken -WireHome $there
                Set-Content -Path "$user/device-url" -Value $token.Url
            }
            '(Get|Revoke)-WireDevice\|' {
                $null = New-WirePairToken laptop | Register-WireDevice -WireHome $there
            }
            '(Get|Remove)-WirePeer\||Revoke-WireTrust\|' {
                $null = Complete-TestPair (Connect-TestPair $here $there)
            }
            'Unregister-WireHandle\|' {
                $null = Register-WireHandle
            }
            'Find-WirePeer\||Request-WireTrust\||Add-WireTrustedAgent\||Wait-WireTrust\|' {
                $null = Register-WireHandle -WireHome $there
            }
            'WireTrustedAgent\||Export-WireTrust\|' {
                $null = Add-WireTrustedAgent test-1 '7UkoxijRwsbq6QM4kFmVYSlZJzpcY/k2NsFGFKyHN9E='
                if ($Name -eq 'Remove-WireTrustedAgent') { $null = Add-WireTrustedAgent bench 'iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=' }
            }
            'Import-WireTrust\|' {
                Set-Content "$user/trust.json" '{"trusted":[{"node_id":7,"public_key":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=","approved_at":"2026-01-02T03:04:05Z","mutual":true}]}'
            }
            'Wait-WireTrust\|' {
                # The other side has been asked before, and says yes to whatever comes.
                $null = Register-WireHandle
                Set-WireTrustPolicy -AutoApprove $true -WireHome $there
                foreach ($each in $here, $there) { Start-WireDaemon -WireHome $each }
                if ($Title -like '*minute*') { $null = Request-WireTrust build-server 'We share the build.' }
            }
            '(Get-WireTrustRequest|Approve-WireTrust|Deny-WireTrust)\|' {
                $null = Register-WireHandle
                $null = Request-WireTrust (Get-WireIdentity).Handle 'We share the build.' -WireHome $there
                $null = Wait-Until { Get-WireTrustRequest }
            }
            'Message\|' {
                # Something in both directions, and what the files of the examples stand for.
                $null = Complete-TestPair (Connect-TestPair $here $there)
                $null = Send-WireMessage build-server 'there' -Type job
                $null = Send-WireMessage * ([pscustomobject]@{ job = 'deploy' }) -WireHome $there
                $null = Wait-Until { (Get-WireMessage | Where-Object Direction -EQ Received) }
                $line = Get-Content "$here/state/wire/inbox/*.jsonl"
                $null = New-Item -ItemType Directory -Path (Join-Path $user 'inbox')
                Set-Content -Path "$user/event.json", "$user/inbox/alice.jsonl" -Value $line
            }
            'Confirm-WirePair\||Wait-WirePair\|.*(done|Several)|Get-WirePendingPair\||Watch-WirePair\||Get-WireJournal\|.*(one pairing|Follow)|Remove-WirePendingPair\|' {
                if ($Name -eq 'Remove-WirePendingPair') {
                    $null = New-WirePair -Detach -WarningAction Ignore | Stop-WirePair
                }
                else {
                    $pair = Connect-TestPair $here $there
                    $known, $digits = $pair[0].Code, $pair[1].Sas
                }
            }
            'Wait-WirePair\|.*(done|Several)|Confirm-WirePair\|.*comes of it|Watch-WirePair\|.*everything' {
                # The other side confirms, and where the example only looks, this one too.
                $pair[1] | Confirm-WirePair -Digits $pair[0].Sas
                if ($Name -ne 'Confirm-WirePair') { $pair[0] | Confirm-WirePair -Digits $pair[1].Sas }
            }
            'Stop-WirePair\||Invoke-WireTick\|' {
                $made = New-WirePair -Detach -WarningAction Ignore
                $known = $made.Code
                if ($Name -eq 'Stop-WirePair') { $null = Wait-Until { (Get-WirePendingPair).Status -eq 'Polling' } }
            }
            'New-WirePair\|.*Join' {
                $known = (New-WirePair -Detach -WireHome $there -WarningAction Ignore).Code
            }
            'Wait-WirePair\|.*digits are there' {
                $joiner = Start-ThreadJob {
                    Import-Module $using:module
                    while (-not ($made = Get-WirePendingPair -WireHome $using:here)) { Start-Sleep -Milliseconds 100 }
                    New-WirePair -Code $made.Code -Detach -WireHome $using:there
                }
            }
        }
    }

    AfterEach {
        # The next example is in front of the same relay, with the same name on the other side.
        $joiner | Where-Object { $_ } | Remove-Job -Force
        $joiner = $null
        if ($Name -in 'Find-WirePeer', 'Request-WireTrust', 'Add-WireTrustedAgent', 'Wait-WireTrust') {
            # The next example's home has the same handle.
            $null = Unregister-WireHandle -WireHome $there
        }

        Close-TestHome $here, $there, "$user/wire-work"
        $env:WIRE_HOME = $null
    }

    AfterAll {
        Close-TestHome $relayHome
    }

    It '<Name>: <Title>' -ForEach $examples {
        # A machine without a screen has no clipboard; what stands for an invite is one of the other side.
        $url = "$(New-WireInvite -Relay $relay -WireHome (Get-TestHome 'inviter') -WarningAction Ignore)"
        $text = $Code.Replace('~/main-home', $there).Replace('~/second-home', $here)
        if ($token) { $text = $text.Replace('$url', "'$($token.Url)'").Replace('$token ', "'$($token.Text)' ") }
        $text = $text.Replace('https://relay.example', $relay).Replace('~/', "$user/").Replace('./event', "$user/event").Replace('./inbox', "$user/inbox")
        if ($address) { $text = $text -replace 'build\.example\.org:\d+', $address -replace "(?<=-Fingerprint ')[0-9a-f ]+", $fingerprint }
        if ($known) { $text = $text.Replace('SOME-CODE-HERE', $known).Replace('SOME-*', $known.Substring(0, 4) + '-*') }
        if ($digits) { $text = $text.Replace('012-345', $digits).Replace('012 345', $digits) }
        $text = $text.Replace('pwsh -NoProfile -NonInteractive -Command ', "pwsh -NoProfile -NonInteractive -Command Import-Module '$module'`; ")
        if ($Name -like '*-WireInvite') {
            if ($Code -match '\bfleet\b') { $null = New-WireInvite -Label fleet -WarningAction Ignore }
            $text = "`$url = '$url'; function Get-Clipboard([switch] `$Raw) { `$url }; function Set-Clipboard { }; $text"
        }

        if ($Name -in 'New-WireInvite', 'Wait-WirePair', 'Receive-WireInvite' -and $text -match 'Wait-WirePair -Id|Receive-WireInvite') {
            # Somebody accepts, and the issuer takes the answer.
            $text = $text.Replace('Wait-WirePair -Id', "`$null = 1..3 | ForEach-Object { `$each = Join-Path '$user' `$_; Set-WireRelay '$relay' -WireHome `$each; Receive-WireInvite (`"`$invite`") -Detach -WireHome `$each -WarningAction Ignore; Invoke-WireTick -WireHome `$each }; Invoke-WireTick; Wait-WirePair -Id")
            $helper = Start-ThreadJob { Import-Module $using:module; while ($true) { $using:inviter, $using:here + @(1..3 | ForEach-Object { Join-Path $using:user $_ } | Where-Object { Test-Path $_ }) | ForEach-Object { $null = Invoke-WireTick -WireHome $_ -ErrorAction Ignore }; Start-Sleep -Milliseconds 200 } }
        }

        if ($text -like '*Set-Clipboard*' -and $Name -eq 'Wait-WirePair') { $text = 'function Set-Clipboard { }; ' + $text }
        $expected = $Title -like '*Be asked for the digits*' ? 'WireDigitsRequired' : $null
        $session = Open-TestSession
        try {
            Invoke-TestSession $session $text
            Wait-TestSession $session | Should -BeTrue
            $errors = @($session.Shell.Streams.Error)
            $state = $session.Shell.InvocationStateInfo.State
        }
        finally {
            Close-TestSession $session
            if ($helper) { $helper | Remove-Job -Force; $helper = $null }
        }

        if ($expected) {
            $errors[0].FullyQualifiedErrorId | Should -BeLike "$expected,*"
        }
        else {
            $errors | Should -BeNullOrEmpty
            $state | Should -Be 'Completed'
        }
    }
}
