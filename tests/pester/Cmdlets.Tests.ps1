Describe 'WhatIf' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'whatif'
        $open = New-WirePair -Detach -Relay 'http://127.0.0.1:9' -WireHome $wireHome -WarningAction Ignore
        $ended = New-WirePair -Detach -Relay 'http://127.0.0.1:9' -WireHome $wireHome -WarningAction Ignore | Stop-WirePair -PassThru
    }

    It 'changes nothing: <Name>' -ForEach @(
        @{ Name = 'Initialize-WireIdentity'; Script = { Initialize-WireIdentity -Relay 'https://relay.example' -WireHome $wireHome -WhatIf } }
        @{ Name = 'Set-WireRelay'; Script = { Set-WireRelay 'https://relay.example' -WireHome $wireHome -WhatIf } }
        @{ Name = 'New-WirePair'; Script = { New-WirePair -Detach -Relay 'https://relay.example' -WireHome $wireHome -WhatIf } }
        @{ Name = 'Confirm-WirePair'; Script = { $open | Confirm-WirePair -Digits '123456' -WhatIf } }
        @{ Name = 'Stop-WirePair'; Script = { $open | Stop-WirePair -WhatIf } }
        @{ Name = 'Remove-WirePendingPair'; Script = { $ended | Remove-WirePendingPair -WhatIf } }
        @{ Name = 'Remove-WirePeer'; Script = { Remove-WirePeer * -WireHome $wireHome -WhatIf } }
        @{ Name = 'Register-WireHandle'; Script = { Register-WireHandle -Relay 'http://127.0.0.1:9' -WireHome $wireHome -WhatIf } }
        @{ Name = 'Unregister-WireHandle'; Script = { Unregister-WireHandle -Relay 'http://127.0.0.1:9' -WireHome $wireHome -WhatIf } }
        @{ Name = 'Request-WireTrust'; Script = { Request-WireTrust nobody -Relay 'http://127.0.0.1:9' -WireHome $wireHome -WhatIf } }
        @{ Name = 'Revoke-WireTrust'; Script = { Revoke-WireTrust * -WireHome $wireHome -WhatIf } }
        @{ Name = 'Set-WireIdentity'; Script = { Set-WireIdentity 'Another name' -WireHome $wireHome -WhatIf } }
        @{ Name = 'Add-WireTrustedAgent'; Script = { Add-WireTrustedAgent bench 'iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=' -WireHome $wireHome -WhatIf } }
        @{ Name = 'Remove-WireTrustedAgent'; Script = { Remove-WireTrustedAgent * -WireHome $wireHome -WhatIf } }
        @{ Name = 'Set-WireTrustPolicy'; Script = { Set-WireTrustPolicy -AutoApprove $true -WireHome $wireHome -WhatIf } }
        @{ Name = 'Export-WireTrust'; Script = { Export-WireTrust "$wireHome/trust.json" -PassThru -WireHome $wireHome -WhatIf } }
        @{ Name = 'Invoke-WireTick'; Script = { Invoke-WireTick -WireHome $wireHome -WhatIf } }
        @{ Name = 'Send-WireMessage'; Script = { Send-WireMessage * 'x' -WireHome $wireHome -WhatIf } }
        @{ Name = 'Receive-WireMessage'; Script = { Receive-WireMessage -WireHome $wireHome -WhatIf } }
        @{ Name = 'Start-WireDaemon'; Script = { Start-WireDaemon -WireHome $wireHome -WhatIf } }
        @{ Name = 'Start-WireDaemon -Foreground'; Script = { Start-WireDaemon -Foreground -WireHome $wireHome -WhatIf } }
        @{ Name = 'Stop-WireDaemon'; Script = { Stop-WireDaemon -WireHome $wireHome -WhatIf } }
        @{ Name = 'Start-WireRelay'; Script = { Start-WireRelay -Port 0 -WireHome $wireHome -WhatIf } }
        @{ Name = 'Stop-WireRelay'; Script = { Stop-WireRelay -WireHome $wireHome -WhatIf } }
    ) {
        $before = Get-Snapshot $wireHome
        & $Script | Should -BeNullOrEmpty
        Get-Snapshot $wireHome | Should -Be $before
        (Get-WireDaemon -WireHome $wireHome).Running | Should -BeFalse
    }

    It 'makes no home' {
        $none = Get-TestHome 'none'
        New-WirePair -Detach -Relay 'https://relay.example' -WireHome $none -WhatIf
        Initialize-WireIdentity -WireHome $none -WhatIf
        $none | Should -Not -Exist
    }
}

Describe 'Identity and relay of a home' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'identity'
        $made = Initialize-WireIdentity -Handle build-server -Relay 'https://Relay.Example/' -WireHome $wireHome
    }

    It 'makes an identity once' {
        $made.Handle | Should -Be 'build-server'
        $made.Did | Should -Match '^did:wire:build-server-[0-9a-f]{8}$'
        $made.Fingerprint | Should -Match '^([0-9a-f]{4} ){7}[0-9a-f]{4}$'
        (Initialize-WireIdentity -WireHome $wireHome).Did | Should -Be $made.Did
        (Get-WireIdentity -WireHome $wireHome).Did | Should -Be $made.Did
    }

    It 'keeps the relay in one spelling' {
        (Get-WireIdentity -WireHome $wireHome).Relay | Should -Be 'https://relay.example'
    }

    It 'uses the environment where the home has none' {
        $env:WIRE_RELAY = 'https://other.example'
        try {
            Set-WireRelay -None -WireHome $wireHome
            (Get-WireIdentity -WireHome $wireHome).Relay | Should -Be 'https://other.example'
        }
        finally {
            $env:WIRE_RELAY = $null
        }
    }

    It 'accepts plain http where that is said' {
        Set-WireRelay 'http://relay.example' -AllowInsecureRelay -WireHome $wireHome
        (Get-WireIdentity -WireHome $wireHome).Relay | Should -Be 'http://relay.example'
    }

    It 'warns about a home without an identity, and makes none' {
        $none = Get-TestHome 'nobody'
        Get-WireIdentity -WireHome $none -WarningVariable warnings -WarningAction SilentlyContinue | Should -BeNullOrEmpty
        $warnings.Count | Should -Be 1
        $none | Should -Not -Exist
    }

    It 'takes a home by a path of the session' {
        Push-Location (Get-PSDrive -Name TestDrive).Root
        try {
            (Get-WireIdentity -WireHome ./identity).Did | Should -Be $made.Did
            (Get-WireIdentity -WireHome TestDrive:/identity).Did | Should -Be $made.Did
        }
        finally {
            Pop-Location
        }
    }

    It 'takes the home of the platform back from its objects' -Skip:(-not $IsLinux) {
        $folder = Get-TestHome 'xdg'
        $run = Invoke-TestProcess "`$env:WIRE_HOME = `$null; `$env:XDG_CONFIG_HOME = '$folder/c'; `$env:XDG_STATE_HOME = '$folder/s'; `$pair = New-WirePair -Detach -Relay http://127.0.0.1:9 -WarningAction Ignore; (`$pair | Stop-WirePair -PassThru).Status"
        $run.Errors | Should -BeNullOrEmpty
        $run.Output.Trim() | Should -Be 'Aborted'
        "$folder/s/wireps/pending-pair" | Should -Exist
        "$folder/c/wireps/private.key" | Should -Exist
    }
}

Describe 'New-WirePair' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'new'
        Set-WireRelay 'http://127.0.0.1:9' -WireHome $wireHome
    }

    It 'makes a code of <Protocol>' -ForEach @(
        @{ Protocol = 'V2'; Shape = '^[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}$' }
        @{ Protocol = 'V1'; Shape = '^\d\d-[A-Z2-7]{6}$' }
    ) {
        $pair = New-WirePair -Detach -Protocol $Protocol -WireHome $wireHome -WarningAction Ignore
        $pair.Code | Should -MatchExactly $Shape
        $pair.Protocol | Should -Be $Protocol.Substring(1)
        $pair.Status | Should -Be 'RequestHost'
        (Get-WirePendingPair $pair.Code -WireHome $wireHome).Id | Should -Be $pair.Id
        (Get-WirePendingPair $pair.Code.ToLowerInvariant().Replace('-', ' ') -WireHome $wireHome).Id | Should -Be $pair.Id
        (Get-WirePendingPair ($pair.Code.Substring(0, 4) + '*') -WireHome $wireHome).Id | Should -Contain $pair.Id
    }

    It 'takes -ExpiresIn as <Text>' -ForEach @(
        @{ Text = '90s'; Value = { New-WirePair -Detach -ExpiresIn 90s -WireHome $wireHome -WarningAction Ignore }; Seconds = 90 }
        @{ Text = '30m'; Value = { New-WirePair -Detach -ExpiresIn 30m -WireHome $wireHome -WarningAction Ignore }; Seconds = 1800 }
        @{ Text = '24h'; Value = { New-WirePair -Detach -ExpiresIn 24h -WireHome $wireHome -WarningAction Ignore }; Seconds = 86400 }
        @{ Text = '2d'; Value = { New-WirePair -Detach -ExpiresIn 2d -WireHome $wireHome -WarningAction Ignore }; Seconds = 172800 }
        @{ Text = "'2d'"; Value = { New-WirePair -Detach -ExpiresIn '2d' -WireHome $wireHome -WarningAction Ignore }; Seconds = 172800 }
        @{ Text = '1d12h'; Value = { New-WirePair -Detach -ExpiresIn 1d12h -WireHome $wireHome -WarningAction Ignore }; Seconds = 129600 }
        @{ Text = '00:30:00'; Value = { New-WirePair -Detach -ExpiresIn 00:30:00 -WireHome $wireHome -WarningAction Ignore }; Seconds = 1800 }
        @{ Text = 'a TimeSpan'; Value = { New-WirePair -Detach -ExpiresIn (New-TimeSpan -Hours 3) -WireHome $wireHome -WarningAction Ignore }; Seconds = 10800 }
    ) {
        $pair = & $Value
        ($pair.ExpiresAt - $pair.CreatedAt).TotalSeconds | Should -Be $Seconds
    }

    It 'returns at once, and warns where no daemon runs' {
        $null = New-WirePair -Detach -WireHome $wireHome -WarningAction Ignore
        $took = Measure-Command { New-WirePair -Detach -WireHome $wireHome -WarningVariable warnings -WarningAction SilentlyContinue }
        $took.TotalSeconds | Should -BeLessThan 5
        "$warnings" | Should -BeLike '*Start-WireDaemon*Invoke-WireTick*'
    }

    It 'says when the other side must be told the relay too' {
        (New-WirePair -Detach -WireHome $wireHome -WarningAction Ignore).NextStep | Should -Be 'Tell the other side the code'
        $pair = New-WirePair -Detach -Relay 'https://other.example' -WireHome $wireHome -WarningAction Ignore
        $pair.IsDefaultRelay | Should -BeFalse
        $pair.NextStep | Should -BeLike '*https://other.example*'
        ($pair | Out-String -Width 80) | Should -BeLike '*relay*'
    }
}

Describe 'Objects and views' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'views'
        $pair = New-WirePair -Detach -Relay 'http://127.0.0.1:9' -WireHome $wireHome -WarningAction Ignore
    }

    It 'survives a serialization: values keep type and comparison' {
        $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($pair, 2))
        foreach ($property in $pair.PSObject.Properties) {
            $copy.($property.Name) | Should -Be $property.Value -Because $property.Name
        }

        $copy.Status -eq 'RequestHost' | Should -BeTrue
        $copy.ExpiresAt | Should -BeOfType [datetime]
        ($copy | Get-WirePendingPair).Id | Should -Be $pair.Id
        ($copy | Out-String) | Should -BeLike '*Next*'
    }

    It 'fits into 80 columns' {
        $lines = ($pair | Out-String -Width 100) -split '\r?\n'
        ($lines | Measure-Object -Property Length -Maximum).Maximum | Should -BeLessOrEqual 80
        $lines[1] | Should -Match 'Code\s+Status\s+Digits\s+Left\s+Peer \(claim\)\s+Next'
    }

    It 'shows every property in the list' {
        $list = $pair | Format-List | Out-String
        foreach ($property in $pair.PSObject.Properties.Name | Where-Object { $_ -notin 'Sas', 'NextStep' }) {
            $list | Should -Match "(?m)^$property"
        }
    }

    It 'names a pairing without its code' {
        "$pair" | Should -Be "pairing $($pair.Id): RequestHost"
        "$pair" | Should -Not -BeLike "*$($pair.Code)*"
    }

    It 'shows the journal and its verdict' {
        $entries = @(Get-WireJournal -WireHome $wireHome)
        $entries[0].Id | Should -Be $pair.Id
        $entries[0].To | Should -Be 'request_host'
        @(Get-WireJournal -After $entries[-1].Seq -WireHome $wireHome).Count | Should -Be 0
        @(Get-WireJournal -Kind peer -WireHome $wireHome).Count | Should -Be 0
        @($pair | Get-WireJournal).Count | Should -Be 1
        (Test-WireAuditLog -WireHome $wireHome).Valid | Should -BeTrue
    }

    It 'reports a journal that was changed' {
        $other = Get-TestHome 'tampered'
        1..2 | ForEach-Object { New-WirePair -Detach -Relay 'http://127.0.0.1:9' -WireHome $other -WarningAction Ignore | Out-Null }
        $file = "$other/state/wire/journal.jsonl"
        $text = Get-Content -Raw $file
        [System.IO.File]::WriteAllText($file, $text.Replace('request_host', 'request_hosT'))
        $verdict = Test-WireAuditLog -WireHome $other -ErrorAction SilentlyContinue -ErrorVariable failures
        $verdict.Valid | Should -BeFalse
        $verdict.Line | Should -Be 1
        $failures[0].FullyQualifiedErrorId | Should -BeLike 'WireJournalTampered,*'
    }
}

Describe 'Completion' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'completion'
        $open = New-WirePair -Detach -Relay 'http://127.0.0.1:9' -WireHome $wireHome -WarningAction Ignore
        $ended = New-WirePair -Detach -Relay 'http://127.0.0.1:9' -WireHome $wireHome -WarningAction Ignore | Stop-WirePair -PassThru

        function Get-Offer([string] $Line) {
            @((TabExpansion2 -inputScript $Line -cursorColumn $Line.Length).CompletionMatches)
        }
    }

    It 'offers codes of pairings that the command can do something with' {
        (Get-Offer "Stop-WirePair -WireHome $wireHome -Code ").CompletionText | Should -Be $open.Code
        (Get-Offer "Wait-WirePair -WireHome $wireHome -Code ").CompletionText | Should -Be $open.Code
        (Get-Offer "Get-WirePendingPair -WireHome $wireHome -Id ").CompletionText | Sort-Object | Should -Be ($open.Id, $ended.Id | Sort-Object)
        (Get-Offer "Remove-WirePendingPair -WireHome $wireHome -Id ").CompletionText | Should -Be $ended.Id
    }

    It 'tells where each stands' {
        (Get-Offer "Stop-WirePair -WireHome $wireHome -Code $($open.Code.Substring(0, 3))")[0].ToolTip | Should -BeLike 'Host, RequestHost: *'
    }

    It 'offers nothing, and makes nothing, for a home that is not there' {
        $none = Get-TestHome 'nowhere'
        (Get-Offer "Get-WirePeer -WireHome $none -Name ") | Where-Object ResultType -EQ 'ParameterValue' | Should -BeNullOrEmpty
        $none | Should -Not -Exist
    }

    It 'offers what a value may be' {
        (Get-Offer 'Wait-WirePair -For ').CompletionText | Should -Be 'Paired', 'SasReady'
        (Get-Offer 'Get-WirePendingPair -Status ').CompletionText | Should -Contain 'SasReady'
    }
}
