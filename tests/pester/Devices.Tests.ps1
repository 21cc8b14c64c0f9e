# "My second machine", in processes of its own against a real relay: with daemons, and with ticks.

Describe 'A second machine' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $relayHome = Get-TestHome 'relay'
        $relay = Open-TestRelay $relayHome

        function Initialize-TestMachine([string] $Name) {
            $path = Get-TestHome $Name
            $null = Initialize-WireIdentity -Relay $relay -WireHome $path
            $path
        }
    }

    AfterAll {
        Close-TestHome $relayHome
    }

    It 'becomes a device with daemons on both sides' {
        $root, $laptop = (Initialize-TestMachine 'root-d'), (Initialize-TestMachine 'laptop-d')
        try {
            foreach ($each in $root, $laptop) { Start-WireDaemon -WireHome $each }
            $made = New-WirePairToken 'left rack' -Right send, receive -WireHome $root
            $made.Url | Should -BeLike 'wire://device?d=*'
            $done = $made.Url | Register-WireDevice -WireHome $laptop
            $done.Status | Should -Be 'Paired'
            $done.Kind | Should -Be 'device'
            $there = Get-WireDevice -WireHome $root
            $here = Get-WireDevice -WireHome $laptop
            $there.Label | Should -Be 'left rack'
            $there.Rights | Should -Be 'send', 'receive'
            $there.Fingerprint | Should -Be (Get-WireIdentity -WireHome $laptop).Fingerprint
            $here.IsThisHome | Should -BeTrue
            $here.Principal | Should -Be (Get-WireIdentity -WireHome $root).Did
            (Get-WirePairToken -WireHome $root).State | Should -Be 'Used'
            @(Get-WireJournal -WireHome $root | Where-Object { $_.Kind -eq 'device' -and $_.To -eq 'added' }).Count | Should -Be 1

            $line = "Revoke-WireDevice -WireHome '$root' -Name l"
            (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be "'left rack'"
            $line = "Revoke-WireDevice -WireHome '$laptop' -Name "
            (TabExpansion2 $line $line.Length).CompletionMatches | Where-Object ResultType -EQ ParameterValue | Should -BeNullOrEmpty -Because 'what this home is a device of is revoked elsewhere'
            Revoke-WireDevice 'left rack' -WireHome $root
            Get-WireDevice -WireHome $root | Should -BeNullOrEmpty
            Wait-Until { -not (Get-WireDevice -WireHome $laptop) } | Should -BeTrue

            # The URL that has worked is the same entry again, and brings nothing back.
            ($made.Url | Register-WireDevice -WireHome $laptop).Id | Should -Be $done.Id
            Get-WireDevice -WireHome $root | Should -BeNullOrEmpty
        }
        finally {
            Close-TestHome $root, $laptop
        }
    }

    It 'gets what peers send to the identity, sends in its name, and does neither once it is revoked' {
        $alice, $laptop, $bob = (Initialize-TestMachine 'alice-m'), (Initialize-TestMachine 'laptop-m'), (Initialize-TestMachine 'bob-m')
        $aliceDid, $laptopDid, $bobDid = $alice, $laptop, $bob | ForEach-Object { (Get-WireIdentity -WireHome $_).Did }
        try {
            foreach ($each in $alice, $laptop, $bob) { Start-WireDaemon -WireHome $each }
            $null = Complete-TestPair (Connect-TestPair $alice $bob)
            $null = New-WirePairToken laptop -Right send, receive -WireHome $alice | Register-WireDevice -WireHome $laptop

            # Each learns of the other by itself.
            Wait-Until { $known = Get-WirePeer $aliceDid -WireHome $bob; $known.Devices -and -not $known.DevicesWithoutAddress } | Should -BeTrue
            Wait-Until { (Get-WirePeer $bobDid -WireHome $laptop -ErrorAction Ignore).Relay } | Should -BeTrue
            (Get-WirePeer $aliceDid -WireHome $bob).Devices | Should -Be $laptopDid
            (Get-WirePeer $bobDid -WireHome $laptop).ApprovedBy | Should -Be "principal:$aliceDid"

            $sent = Send-WireMessage $aliceDid 'to all of you' -WireHome $bob
            $sent.Status | Should -Be 'Delivered'
            $sent.WaitingFor | Should -BeNullOrEmpty
            foreach ($each in $alice, $laptop) {
                $got = Receive-WireMessage -Wait -Timeout 60s -First 1 -WireHome $each
                $got.Body | Should -Be 'to all of you'
                $got.PeerDid | Should -Be $bobDid
                $got.Device | Should -BeNullOrEmpty
            }

            $null = Send-WireMessage $bobDid 'from the laptop' -WireHome $laptop
            $got = Receive-WireMessage -Wait -Timeout 60s -First 1 -WireHome $bob
            $got.Body | Should -Be 'from the laptop'
            $got.PeerDid | Should -Be $aliceDid
            $got.Device | Should -Be $laptopDid
            $got.Sealed | Should -BeTrue
            ($got | Test-WireMessage -WireHome $bob).Valid | Should -BeTrue

            # The answer goes to the identity, on all of its machines.
            $null = Send-WireMessage $got.PeerDid 'an answer' -WireHome $bob
            foreach ($each in $alice, $laptop) {
                (Receive-WireMessage -Wait -Timeout 60s -First 1 -WireHome $each).Body | Should -Be 'an answer'
            }

            # A copy of the home from before: the laptop that somebody has taken, and that is not told.
            Stop-WireDaemon -WireHome $laptop
            Revoke-WireDevice laptop -WireHome $alice
            Wait-Until { -not (Get-WirePeer $aliceDid -WireHome $bob).Devices } | Should -BeTrue
            (Send-WireMessage $aliceDid 'to her alone' -WireHome $bob).Status | Should -Be 'Delivered'
            (Receive-WireMessage -Wait -Timeout 60s -First 1 -WireHome $alice).Body | Should -Be 'to her alone'
            Wait-Until { (Get-ErrorOf { Send-WireMessage $bobDid 'still me' -WireHome $laptop })[0].FullyQualifiedErrorId -like 'WireRouteStale,*' } | Should -BeTrue
            Wait-Until { $null = Invoke-WireTick -WireHome $laptop; -not (Get-WirePeer -WireHome $laptop) } | Should -BeTrue
            @(Get-WireMessage -WireHome $laptop | Where-Object Direction -EQ Received).Count | Should -Be 2
            (Get-WireMessage -WireHome $bob | Where-Object Direction -EQ Received).Text | Should -Be 'from the laptop'
        }
        finally {
            Close-TestHome $alice, $laptop, $bob
        }
    }

    It 'becomes a device with ticks on both sides, and one that is late hears that the token is used' {
        $root, $laptop, $late = (Initialize-TestMachine 'root-t'), (Initialize-TestMachine 'laptop-t'), (Initialize-TestMachine 'late-t')
        $made = New-WirePairToken -WireHome $root -WarningAction Ignore
        foreach ($each in $laptop, $late) {
            $waiting = $made | Register-WireDevice -Detach -WireHome $each -WarningAction Ignore
            $null = Invoke-WireTick -WireHome $each
        }

        (Get-WirePendingPair -WireHome $laptop).Status | Should -Be 'Polling'
        foreach ($each in $root, $laptop, $late) { $null = Invoke-WireTick -WireHome $each }
        (Get-WirePendingPair -WireHome $laptop).Status | Should -Be 'Paired'
        $lost = Get-WirePendingPair -WireHome $late
        $lost.Status | Should -Be 'Aborted'
        $lost.Reason | Should -Be 'TokenRefused'
        @(Get-WireDevice -WireHome $root).Count | Should -Be 1
    }

    It 'is admitted by a device, with daemons everywhere, and not by one without the right' {
        $root, $tablet, $phone, $last = (Initialize-TestMachine 'root-i'), (Initialize-TestMachine 'tablet-i'), (Initialize-TestMachine 'phone-i'), (Initialize-TestMachine 'last-i')
        try {
            foreach ($each in $root, $tablet, $phone) { Start-WireDaemon -WireHome $each }
            $null = New-WirePairToken tablet -Right add, send -WireHome $root | Register-WireDevice -WireHome $tablet
            $principal = (Get-WireDevice -WireHome $tablet).Principal
            $made = New-WirePairToken phone -Principal $principal -Right send -WireHome $tablet
            $made.Principal | Should -Be (Get-WireIdentity -WireHome $root).Did
            ($made | Register-WireDevice -WireHome $phone).Status | Should -Be 'Paired'
            $there = Get-WireDevice phone -WireHome $root
            $there.Rights | Should -Be @('send')
            $there.Fingerprint | Should -Be (Get-WireIdentity -WireHome $phone).Fingerprint
            (Get-WirePairToken -WireHome $tablet).State | Should -Be 'Used'
            Wait-Until { Get-WireJournal -WireHome $tablet | Where-Object { $_.Kind -eq 'token' -and $_.To -eq 'used' } } | Should -BeTrue

            { New-WirePairToken -Principal $principal -WireHome $phone -ErrorAction Stop } | Should -Throw -ErrorId 'WireRightsExceeded*'
            { New-WirePairToken -Principal $principal -Right receive -WireHome $tablet -ErrorAction Stop } | Should -Throw -ErrorId 'WireRightsExceeded*'
            { New-WirePairToken -Principal $principal -WireHome $last -ErrorAction Stop } | Should -Throw -ErrorId 'WirePrincipalUnknown*'
        }
        finally {
            Close-TestHome $root, $tablet, $phone, $last
        }
    }

    It 'waits visibly for an issuer that is away, and says so in the end' {
        $root, $laptop = (Initialize-TestMachine 'root-a'), (Initialize-TestMachine 'laptop-a')
        $null = New-WirePairToken -ExpiresIn 3s -WireHome $root -WarningAction Ignore | Register-WireDevice -Detach -WireHome $laptop -WarningAction Ignore
        $null = Invoke-WireTick -WireHome $laptop
        (Get-WirePendingPair -WireHome $laptop).Status | Should -Be 'Polling'
        Wait-Until { $null = Invoke-WireTick -WireHome $laptop; (Get-WirePendingPair -WireHome $laptop).Status -eq 'Aborted' } -Timeout 120 | Should -BeTrue
        (Get-WirePendingPair -WireHome $laptop).Reason | Should -Be 'IssuerNoAnswer'
        foreach ($each in $root, $laptop) { $null = Invoke-WireTick -WireHome $each }
        Get-WireDevice -WireHome $root | Should -BeNullOrEmpty
    }

    It 'takes the URL from standard input, and hangs on nothing' {
        $root, $laptop = (Initialize-TestMachine 'root-i'), (Initialize-TestMachine 'laptop-i')
        $made = New-WirePairToken -WireHome $root -WarningAction Ignore
        $script = "Import-Module '$(Get-TestedManifest)'; (Register-WireDevice -Detach -WireHome '$laptop' -WarningAction Ignore).Kind"
        $made.Url | & (Get-Process -Id $PID).Path -NoProfile -NonInteractive -Command $script | Should -Be 'device'
        $run = Invoke-TestProcess "Register-WireDevice -Detach -WireHome '$laptop' -ErrorAction Stop"
        $run.Ended | Should -BeTrue
        $run.ExitCode | Should -Not -Be 0
        $run.Errors | Should -BeLike '*nothing was piped in*'
    }

    It 'takes a bare token only where the home of its issuer is' {
        $root, $laptop = (Initialize-TestMachine 'root-b'), (Initialize-TestMachine 'laptop-b')
        $made = New-WirePairToken -WireHome $root -WarningAction Ignore
        (Get-ErrorOf { $made.Text | Register-WireDevice -Detach -WireHome $laptop })[0].FullyQualifiedErrorId | Should -BeLike 'WireDeviceUrlRequired,*'
        $null = $made.Text | Register-WireDevice -IssuerHome $root -Detach -WireHome $laptop -WarningAction Ignore
        foreach ($each in $laptop, $root, $laptop) { $null = Invoke-WireTick -WireHome $each }
        (Get-WirePendingPair -WireHome $laptop).Status | Should -Be 'Paired'
    }

    It 'keeps token and URL nowhere but where they were shown' {
        $root = Initialize-TestMachine 'root-s'
        $made = New-WirePairToken -WireHome $root -WarningAction Ignore
        Get-WirePairToken -WireHome $root | Format-List * | Out-String | Should -Not -BeLike "*$($made.Text)*"
        "$made" | Should -Not -BeLike "*$($made.Text)*"
        foreach ($file in Get-ChildItem $root -Recurse -File -Force) {
            [System.IO.File]::ReadAllText($file.FullName).Contains($made.Text) | Should -BeFalse -Because $file.Name
        }

        $made | Remove-WirePairToken -WireHome $root
        Get-WirePairToken -WireHome $root | Should -BeNullOrEmpty
    }

    It 'gives <Id> for <Name>' -ForEach @(
        @{ Name = 'a lifetime of more than an hour'; Id = 'WireInvalidTokenLifetime'; Script = { New-WirePairToken -ExpiresIn 2h -WireHome $one } }
        @{ Name = 'an identity of somebody else'; Id = 'WirePrincipalUnknown'; Script = { New-WirePairToken -Principal 'did:wire:bob-00000000' -WireHome $one } }
        @{ Name = 'a token that is not there'; Id = 'WireTokenNotFound'; Script = { Remove-WirePairToken nothing -WireHome $one } }
        @{ Name = 'a device that is not there'; Id = 'WireDeviceNotFound'; Script = { Revoke-WireDevice nobody -WireHome $one } }
        @{ Name = 'a URL that is none'; Id = 'WireInvalidDeviceUrl'; Script = { 'wire://device?d=AAAA.BBBB' | Register-WireDevice -WireHome $one } }
        @{ Name = 'the URL of this home itself'; Id = 'WireSelfPairing'; Script = { New-WirePairToken -WireHome $one -WarningAction Ignore | Register-WireDevice -Detach -WireHome $one } }
    ) {
        $one = Get-TestHome 'one'
        $null = Initialize-WireIdentity -Relay $relay -WireHome $one
        $records = @(Get-ErrorOf $Script)
        $records.Count | Should -Be 1
        $records[0].FullyQualifiedErrorId | Should -BeLike "$Id,WirePS.Module.Commands.*"
    }
}
