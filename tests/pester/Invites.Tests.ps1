Describe 'Invites' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $relayHome = Get-TestHome 'relay'
        $relay = Open-TestRelay $relayHome
        $issuer = Get-TestHome 'issuer'
        $null = Initialize-WireIdentity -Handle issuer -Relay $relay -WireHome $issuer
        $script:count = 0

        function Initialize-Acceptor {
            $script:count++
            $made = Get-TestHome "acceptor-$script:count"
            $null = Initialize-WireIdentity -Relay $relay -WireHome $made
            $made
        }

        function Invoke-Tick([string[]] $WireHome) {
            foreach ($each in $WireHome) { $null = Invoke-WireTick -WireHome $each }
        }
    }

    AfterAll {
        Close-TestHome $issuer, $relayHome
    }

    It 'lead from the URL to the pins on both sides' {
        $acceptor = Initialize-Acceptor
        $invite = New-WireInvite -Label desk -WireHome $issuer -WarningAction Ignore
        "$invite" | Should -BeLike 'wire://pair?inv=*'
        $waiting = "$invite" | Receive-WireInvite -Detach -WireHome $acceptor -WarningAction Ignore
        $waiting.Kind | Should -Be 'invite'
        $waiting.Status | Should -Be 'RequestGuest'
        Invoke-Tick $acceptor
        $waiting = Get-WirePendingPair -Id $waiting.Id -WireHome $acceptor
        $waiting.WaitingForAck | Should -BeTrue
        $waiting.PeerDid | Should -Be (Get-WireIdentity -WireHome $issuer).Did
        Get-WirePeer -WireHome $acceptor | Should -BeNullOrEmpty

        Invoke-Tick $issuer, $acceptor
        ($waiting | Wait-WirePair -Timeout 30 -WarningAction Ignore).Status | Should -Be 'Paired'
        ($invite | Wait-WirePair -Timeout 30 -WarningAction Ignore).Status | Should -Be 'UsedUp'
        $peer = Get-WirePeer desk -WireHome $issuer
        $peer.Fingerprint | Should -Be (Get-WireIdentity -WireHome $acceptor).Fingerprint
        $peer.Ceremony | Should -Be 'invite'
        (Get-WirePeer -WireHome $acceptor).Fingerprint | Should -Be (Get-WireIdentity -WireHome $issuer).Fingerprint
        $used = Get-WireInvite desk -WireHome $issuer
        $used.UsesLeft | Should -Be 0
        $used.UsedBy | Should -Be $peer.Did
        "$used" | Should -Be "invite $($invite.Id)"
    }

    It 'are accepted in the foreground without a daemon' {
        $acceptor = Initialize-Acceptor
        $invite = New-WireInvite -WireHome $issuer -WarningAction Ignore
        $session = Open-TestSession
        try {
            Invoke-TestSession $session "Receive-WireInvite '$invite' -WireHome '$acceptor'"
            Wait-Until { (Get-WirePendingPair -WireHome $acceptor).WaitingForAck } | Should -BeTrue
            Invoke-Tick $issuer
            Wait-TestSession $session | Should -BeTrue
            $session.Shell.Streams.Error | Should -BeNullOrEmpty
            $session.Output[0].Status | Should -Be 'Paired'
        }
        finally {
            Close-TestSession $session
        }
    }

    It 'are accepted between daemons' {
        $acceptor = Initialize-Acceptor
        try {
            Start-WireDaemon -WireHome $issuer
            Start-WireDaemon -WireHome $acceptor
            $invite = New-WireInvite -WireHome $issuer
            (Receive-WireInvite "$invite" -WireHome $acceptor).Status | Should -Be 'Paired'
        }
        finally {
            Close-TestHome $acceptor
            Stop-WireDaemon -WireHome $issuer
        }
    }

    It 'tell those who come too late' {
        $first, $second = (Initialize-Acceptor), (Initialize-Acceptor)
        $invite = New-WireInvite -WireHome $issuer -WarningAction Ignore
        foreach ($each in $first, $second) {
            $null = Receive-WireInvite "$invite" -Detach -WireHome $each -WarningAction Ignore
            Invoke-Tick $each
        }

        Invoke-Tick $issuer, $first, $second
        (Get-WirePendingPair -WireHome $first).Status | Should -Be 'Paired'
        $late = Get-WirePendingPair -WireHome $second
        $late.Reason | Should -Be 'InviteUsedUp'
        (Get-ErrorOf { $late | Wait-WirePair -Timeout 5 }).FullyQualifiedErrorId | Should -BeLike 'WireInviteUsedUp,*'
    }

    It 'can be taken back' {
        $acceptor = Initialize-Acceptor
        $invite = New-WireInvite -Uses 3 -WireHome $issuer -WarningAction Ignore
        Get-WireInvite $invite.Id -WireHome $issuer | Remove-WireInvite -WhatIf
        (Get-WireInvite $invite.Id -WireHome $issuer).Status | Should -Be 'Open'
        (Get-WireInvite $invite.Id -WireHome $issuer | Remove-WireInvite -PassThru).Status | Should -Be 'Revoked'
        Invoke-Tick $issuer
        $null = Receive-WireInvite "$invite" -Detach -WireHome $acceptor -WarningAction Ignore
        Invoke-Tick $acceptor
        (Get-WirePendingPair -WireHome $acceptor).Reason | Should -Be 'InviteRevoked'
        (Get-ErrorOf { Wait-WirePair -Id $invite.Id -Timeout 5 -WireHome $issuer }).FullyQualifiedErrorId | Should -BeLike 'WireInviteRevoked,*'
    }

    It 'can be read without accepting them' {
        $acceptor = Initialize-Acceptor
        $before = Get-Snapshot $acceptor
        $invite = New-WireInvite -ExpiresIn 2h -WireHome $issuer -WarningAction Ignore
        $read = "$invite" | ConvertFrom-WireInvite -WireHome $acceptor
        $read.Issuer | Should -Be 'issuer'
        $read.Fingerprint | Should -Be (Get-WireIdentity -WireHome $issuer).Fingerprint
        $read.PeerKey | Should -Be 'New'
        $read.Relay | Should -Be $relay
        $read.ExpiresAt | Should -Be $invite.ExpiresAt
        Get-Snapshot $acceptor | Should -Be $before
    }

    It 'show their URL once, and in no table' {
        $invite = New-WireInvite -WireHome $issuer -WarningAction Ignore
        ($invite | Out-String -Width 4000) | Should -BeLike "*$($invite.Url)*"
        (Get-WireInvite -WireHome $issuer | Format-List * | Out-String -Width 4000) | Should -Not -BeLike '*wire://*'
        ($invite.Url -match 'inv=([^.]+)\.') | Should -BeTrue
        foreach ($file in Get-ChildItem $issuer -Recurse -File -Force) {
            (Get-Content -LiteralPath $file.FullName -Raw -ErrorAction Ignore) | Should -Not -BeLike "*$($Matches[1].Substring(600, 40))*"
        }
    }

    It 'go through the clipboard' {
        $acceptor = Initialize-Acceptor
        $session = Open-TestSession
        try {
            Invoke-TestSession $session @"
                function global:Set-Clipboard { param([Parameter(ValueFromPipeline)] [string[]] `$Value) process { `$global:clip = "`$Value" } }
                function global:Get-Clipboard { param([switch] `$Raw) `$global:clip }
                New-WireInvite -WireHome '$issuer' -WarningAction Ignore | Set-Clipboard
                Receive-WireInvite -FromClipboard -Detach -WireHome '$acceptor' -WarningAction Ignore
"@
            Wait-TestSession $session | Should -BeTrue
            $session.Shell.Streams.Error | Should -BeNullOrEmpty
            $session.Output[0].Kind | Should -Be 'invite'
        }
        finally {
            Close-TestSession $session
        }
    }

    It 'can be left with the relay, which is said' {
        $acceptor = Initialize-Acceptor
        $invite = New-WireInvite -Short -WireHome $issuer -WarningVariable said -WarningAction SilentlyContinue
        "$invite" | Should -BeLike "$relay/i/*"
        "$said" | Should -BeLike '*knows the secret*'
        (Receive-WireInvite "$invite" -Detach -WireHome $acceptor -WarningAction Ignore).PeerDid | Should -Be (Get-WireIdentity -WireHome $issuer).Did
        (Get-ErrorOf { ConvertFrom-WireInvite "$invite" -WireHome $acceptor }).FullyQualifiedErrorId | Should -BeLike 'WireInviteExpired,*'
        (Get-ErrorOf { ConvertFrom-WireInvite 'http://relay.example.org/i/x' -WireHome $acceptor }).FullyQualifiedErrorId | Should -BeLike 'WireRelayInsecure,*'
    }

    It 'of protocol V1 warn, and are accepted without an acknowledgement' {
        $acceptor = Initialize-Acceptor
        $invite = New-WireInvite -Protocol V1 -WireHome $issuer -WarningVariable said -WarningAction SilentlyContinue
        "$said" | Should -BeLike '*bare secret*'
        "$invite" | Should -BeLike 'wire://pair?v=1&inv=*'
        $null = Receive-WireInvite "$invite" -Detach -WireHome $acceptor -WarningAction Ignore
        Invoke-Tick $acceptor
        (Get-WirePendingPair -WireHome $acceptor).Status | Should -Be 'Paired'
        Invoke-Tick $issuer, $acceptor
        (Get-WirePendingPair -WireHome $acceptor).PeerAcked | Should -BeTrue
    }

    It 'are drawn as a QR code in lines of one width, dark on light' {
        $invite = New-WireInvite -Short -WireHome $issuer -WarningAction Ignore
        $lines = "$invite" | Show-WireInvite -WireHome $issuer -WarningAction Ignore
        $plain = $lines | ForEach-Object { $_ -replace '\e\[[0-9;]*m' }
        ($plain.Length | Select-Object -Unique).Count | Should -Be 1
        $plain[0].Trim() | Should -BeNullOrEmpty
        $lines[0] | Should -BeLike "`e[[]38;5;16;48;5;231m*"
        (Get-ErrorOf { 'no invite' | Show-WireInvite -WireHome $issuer }).FullyQualifiedErrorId | Should -BeLike 'WireInvalidInvite,*'
    }

    It 'refuse what cannot be' -ForEach @(
        @{ Script = { New-WireInvite -ExpiresIn 31d -WireHome $issuer }; Id = 'WireInvalidDuration' }
        @{ Script = { Get-WireInvite nothing -WireHome $issuer }; Id = 'WireInviteNotFound' }
        @{ Script = { Remove-WireInvite nothing -WireHome $issuer }; Id = 'WireInviteNotFound' }
        @{ Script = { Receive-WireInvite 'wire://pair?inv=x' -WireHome $issuer }; Id = 'WireInvalidInvite' }
        @{ Script = { Receive-WireInvite "$(New-WireInvite -WireHome $issuer -WarningAction Ignore)" -WireHome $issuer }; Id = 'WireOwnInvite' }
    ) {
        (Get-ErrorOf $Script).FullyQualifiedErrorId | Should -BeLike "$Id,*"
    }
}
