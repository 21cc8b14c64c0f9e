# What a person who is new to this runs into: names that are not there, secrets in the wrong place, nobody to ask, narrow windows.

Describe 'A person who is new' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $alice, $bob = (Get-TestHome 'alice'), (Get-TestHome 'bob')
        $relay = Open-TestRelay (Get-TestHome 'relay')
        foreach ($each in $alice, $bob) { $null = Initialize-WireIdentity -Handle (Split-Path -Leaf $each) -Relay $relay -WireHome $each }
        $invite = New-WireInvite -Label friends -WireHome $alice -WarningAction Ignore

        function Invoke-Tick {
            foreach ($turn in 1..4) { foreach ($each in $bob, $alice) { $null = Invoke-WireTick -WireHome $each -WarningAction Ignore } }
        }

        $null = Receive-WireInvite "$invite" -WireHome $bob -Detach -WarningAction Ignore
        Invoke-Tick
    }

    AfterAll { Close-TestHome (Get-TestHome 'relay') }

    It 'is told the name that is not there: <Name>' -ForEach @(
        @{ Name = 'a peer'; Script = { Get-WirePeer nobody-here -WireHome $alice } }
        @{ Name = 'a receiver'; Script = { Send-WireMessage nobody-here hello -WireHome $alice } }
        @{ Name = 'an invite'; Script = { Remove-WireInvite nobody-here -WireHome $alice } }
        @{ Name = 'a pair token'; Script = { Remove-WirePairToken nobody-here -WireHome $alice } }
        @{ Name = 'a device'; Script = { Revoke-WireDevice nobody-here -WireHome $alice } }
        @{ Name = 'a pairing'; Script = { Stop-WirePair -Id nobody-here -WireHome $alice } }
        @{ Name = 'a request'; Script = { Get-WireTrustRequest nobody-here -WireHome $alice } }
        @{ Name = 'a request to decide'; Script = { Deny-WireTrust nobody-here -WireHome $alice } }
        @{ Name = 'an agent'; Script = { Remove-WireTrustedAgent nobody-here -WireHome $alice } }
        @{ Name = 'a message'; Script = { Test-WireMessage -Id nobody-here -WireHome $alice } }
        @{ Name = 'a handle'; Script = { Find-WirePeer nobody-here -WireHome $alice } }
    ) {
        $record = Get-ErrorOf $Script
        $record.FullyQualifiedErrorId | Should -BeLike 'Wire*NotFound,*'
        "$record" | Should -BeLike "*'nobody-here'*"
        $record.TargetObject | Should -Be 'nobody-here'
    }

    It 'does not see a secret again that was pasted as a name' {
        $token = New-WirePairToken -WireHome $alice -WarningAction Ignore
        foreach ($secret in "$invite", $token.Url, $token.Text) {
            $records = @(
                Get-ErrorOf { Remove-WireInvite $secret -WireHome $alice }
                Get-ErrorOf { Remove-WirePairToken $secret -WireHome $alice }
                Get-ErrorOf { Revoke-WireDevice $secret -WireHome $alice }
                Get-ErrorOf { Get-WirePeer $secret -WireHome $alice }
            )
            $records.Count | Should -BeGreaterOrEqual 3
            $records | Format-List -Property * -Force | Out-String | Should -Not -BeLike "*$($secret.Substring(12, 16))*" -Because 'the error record is what logs keep'
        }

        $null = Remove-WirePairToken $token.Id.Substring(0, 12) -WireHome $alice
        Get-WirePairToken -WireHome $alice | Should -BeNullOrEmpty
    }

    It 'is told that a peer was revoked, and when' {
        $eve = Get-TestHome 'eve'
        $null = Initialize-WireIdentity -Handle eve -Relay $relay -WireHome $eve
        $null = Receive-WireInvite "$(New-WireInvite -WireHome $alice -WarningAction Ignore)" -WireHome $eve -Detach -WarningAction Ignore
        foreach ($turn in 1..3) { foreach ($each in $eve, $alice) { $null = Invoke-WireTick -WireHome $each -WarningAction Ignore } }
        $null = Revoke-WireTrust eve -WireHome $alice -WarningAction Ignore
        $record = Get-ErrorOf { Send-WireMessage eve hello -WireHome $alice }
        $record.FullyQualifiedErrorId | Should -BeLike 'WirePeerRevoked,*'
        "$record" | Should -BeLike "The peer 'eve' was revoked here at $((Get-WirePeer eve -IncludeRevoked -WireHome $alice).RevokedAt.ToString('yyyy-MM-dd HH:mm'))."
    }

    It 'is told the reason of a used-up invite' {
        $late = Get-TestHome 'late'
        $null = Initialize-WireIdentity -Handle late -Relay $relay -WireHome $late
        $null = Receive-WireInvite "$invite" -WireHome $late -Detach -WarningAction Ignore
        foreach ($turn in 1..3) { foreach ($each in $late, $alice) { $null = Invoke-WireTick -WireHome $each -WarningAction Ignore } }
        @(Get-WireMessage -Refused -WireHome $alice)[-1].Reason | Should -Be 'UsedUp'
        (Get-WirePendingPair -WireHome $late).Reason | Should -Be 'InviteUsedUp'
    }

    It 'is told that half of a code is half of a code' {
        $record = Get-ErrorOf { New-WirePair -Code 'WIRE-TRUS' -Detach -WireHome $alice }
        $record.FullyQualifiedErrorId | Should -BeLike 'WireInvalidLength,*'
        "$record" | Should -BeLike '*12 symbols; 8 were given*'
    }

    It 'cannot join by the code of the README' {
        $example = [regex]::Match((Get-Content -Raw "$PSScriptRoot/../../README.md"), 'New-WirePair -Code (\S+)').Groups[1].Value
        $example | Should -Not -BeNullOrEmpty
        (Get-ErrorOf { New-WirePair -Code $example -Detach -WireHome $alice }).FullyQualifiedErrorId | Should -BeLike 'WireMistypedCode,*'
    }

    It 'is warned of a home that does not exist, and none is made: <_>' -ForEach 'Get-WirePeer', 'Get-WirePendingPair', 'Get-WireIdentity', 'Get-WireInvite', 'Get-WireMessage', 'Get-WireJournal', 'Get-WireDevice', 'Get-WireDaemon', 'Test-WireAuditLog', 'Invoke-WireTick', 'Watch-WirePair' {
        $missing = Get-TestHome 'mistyped'
        $null = & $_ -WireHome $missing -WarningVariable said -WarningAction SilentlyContinue
        "$said" | Should -BeLike "*no home in '$missing'*"
        Test-Path $missing | Should -BeFalse
        $null = Get-WirePeer -WireHome $alice -WarningVariable said -WarningAction SilentlyContinue
        "$said" | Should -BeNullOrEmpty
    }

    It 'gets a typed error where PowerShell asks and nobody answers' {
        $ask = 'Set-WireTrustPolicy -AutoApprove $true -Confirm', 'Remove-WirePeer bob -Confirm'
        foreach ($each in $ask) {
            $run = Invoke-TestProcess "try { $each -WireHome '$alice' -ErrorAction Stop } catch { 'ID ' + `$_.FullyQualifiedErrorId; 'DO ' + `$_.ErrorDetails.RecommendedAction }"
            $run.Ended | Should -BeTrue
            $run.Output | Should -BeLike '*ID WireConfirmationRequired,*DO *-Confirm:$false*'
        }

        (Get-WireTrustPolicy -WireHome $alice).AutoApprove | Should -BeFalse
        (Get-WirePeer bob -WireHome $alice).Handle | Should -Be 'bob'
    }

    It 'sends to peers from the pipeline' {
        $sent = Get-WirePeer -WireHome $alice | Send-WireMessage -Body 'hello' -WarningAction Ignore
        $sent.Peer | Should -Be 'bob'
        (Get-WirePeer -WireHome $alice | Get-WireMessage -Last 1).Text | Should -Be 'hello'
        foreach ($script in { Get-WirePeer -WireHome $alice | Send-WireMessage 'hello' -WireHome $alice }, { Get-WirePeer -WireHome $alice | Send-WireMessage }) {
            $record = Get-ErrorOf $script
            $record.FullyQualifiedErrorId | Should -BeLike 'WireInvalidMessage,*'
            "$record" | Should -BeLike '*Send-WireMessage -Body*'
        }
    }

    It 'can ask about messages that were sent' {
        $waiting = Send-WireMessage bob 'waits' -Queue -WireHome $alice -WarningAction Ignore
        ($waiting | Test-WireMessage).Valid | Should -BeTrue
        Invoke-Tick
        $verdict = $waiting | Test-WireMessage
        $verdict.Verdict, $verdict.Valid, $verdict.To | Should -Be 'Sent', $null, (Get-WireIdentity -WireHome $bob).Did
        (Get-WireMessage -WireHome $bob | Where-Object Id -EQ $waiting.Id | Test-WireMessage).Valid | Should -BeTrue
    }

    It 'has a token that is its URL as text, and shows it once' {
        $token = New-WirePairToken laptop -WireHome $alice -WarningAction Ignore
        "$token" | Should -BeExactly $token.Url
        $listed = Get-WirePairToken laptop -WireHome $alice
        "$listed $($listed | Format-List * | Out-String)" | Should -Not -BeLike "*$($token.Text)*"
        (Register-WireDevice $token.Url -Label mine -Detach -WireHome $bob -WarningAction Ignore).Kind | Should -Be 'device'
        $record = Get-ErrorOf { Register-WireDevice "$token" -Detach -WireHome (Get-TestHome 'without-relay') }
        $record.FullyQualifiedErrorId | Should -BeLike 'WireRelayInsecure,*'
        "$record" | Should -BeLike "*Set-WireRelay $relay.*"
        $null = Remove-WirePairToken laptop -WireHome $alice -WarningAction Ignore
    }

    It 'may paste a URL with the line breaks of a narrow list' {
        $fresh = New-WireInvite -WireHome $alice -WarningAction Ignore
        $file = Join-Path (Get-TestHome 'text') 'invite.txt'
        $null = New-Item -ItemType Directory -Path (Split-Path $file)
        $shown = ($fresh | Format-List Url | Out-String -Width 80).Trim().Substring('Url : '.Length)
        $shown | Should -BeLike "*`n*"
        (ConvertFrom-WireInvite $shown -WireHome $bob).Id | Should -Be $fresh.Id
        $fresh | Set-Content $file
        (Get-Content $file) | Should -BeExactly "$fresh"
    }

    It 'is told how wide a code is that does not fit' {
        $session = Open-TestSession -Person
        try {
            $session.Shell.Runspace.SessionStateProxy.SetVariable('given', "$(New-WireInvite -WireHome $alice -WarningAction Ignore)")
            $session.Person.UI.RawUI.WindowSize = [System.Management.Automation.Host.Size]::new(80, 25)
            Invoke-TestSession $session "try { Show-WireInvite `$given -WireHome '$alice' } catch { `$_.FullyQualifiedErrorId; `"`$_`" }"
            Wait-TestSession $session | Should -BeTrue
            "$($session.Output)" | Should -BeLike 'WireWindowTooNarrow,* columns wide and the window has 80.'
        }
        finally {
            Close-TestSession $session
        }
    }

    It 'is offered what there is: <Line>' -ForEach @(
        @{ Line = 'Get-WireInvite fr'; Expected = 'friends' }
        @{ Line = 'Remove-WireInvite op'; Expected = 'open-one' }
        @{ Line = 'Remove-WireInvite fr'; Expected = $null }
        @{ Line = 'Remove-WirePairToken th'; Expected = 'thing' }
        @{ Line = 'Get-WireTrustedAgent be'; Expected = 'bench' }
        @{ Line = 'Remove-WireTrustedAgent be'; Expected = 'bench' }
        @{ Line = 'Receive-WireMessage -Consumer jo'; Expected = 'jobs' }
        @{ Line = 'Send-WireMessage bo'; Expected = 'bob' }
    ) {
        $null = New-WireInvite -Label open-one -WireHome $alice -WarningAction Ignore
        $null = New-WirePairToken thing -WireHome $alice -WarningAction Ignore
        $null = Add-WireTrustedAgent bench 'iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=' -WireHome $alice
        $null = Send-WireMessage alice note -WireHome $bob -WarningAction Ignore
        $null = Receive-WireMessage -Consumer jobs -WireHome $alice
        $env:WIRE_HOME = $alice
        try {
            (TabExpansion2 $Line $Line.Length).CompletionMatches.CompletionText | Select-Object -Unique | Should -Be $Expected
        }
        finally {
            $env:WIRE_HOME = $null
        }
    }

    It 'may leave a pairing, and is told the code again' {
        $session = Open-TestSession -Person
        try {
            Invoke-TestSession $session "New-WirePair -WireHome '$alice'"
            $null = Wait-Until { Get-WirePendingPair -WireHome $alice | Where-Object Kind -EQ 'pair' }
            $code = (Get-WirePendingPair -WireHome $alice | Where-Object Kind -EQ 'pair').Code
            $null = Wait-Until { @($session.Person.UI.Shown) -like "*$code*" }
            $session.Shell.Stop()
            $warned = @($session.Person.UI.Shown) -like 'WARNING: The pairing goes on*'
            "$warned" | Should -BeLike "*Tell the other side: $code*Stop-WirePair*"
        }
        finally {
            Close-TestSession $session
        }
    }
}
